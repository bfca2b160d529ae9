"""Learning curves in W&B, MLflow or TensorBoard
=============================================

A logger is a function of a number of images and of measured numbers::

    python examples/15_loggers.py [print | wandb | mlflow | tensorboard]

The toolkit depends on none of them: install the one that you use.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from spikehebb import jobs, plot
from spikehebb.datasets import load

Log = Callable[[int, Mapping[str, float]], None]


def wandb() -> Log:
    run = importlib.import_module("wandb").init(project="spikehebb")
    return lambda images, values: run.log(dict(values), step=images)


def mlflow() -> Log:
    client = importlib.import_module("mlflow")
    return lambda images, values: client.log_metrics(dict(values), step=images)


def tensorboard() -> Log:
    writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter("runs/tensorboard")

    def log(images: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, images)
        writer.flush()

    return log


def shown() -> Log:
    return lambda images, values: print(images, {name: round(value, 3) for name, value in values.items()})


LOGGERS = {"print": shown, "wandb": wandb, "mlflow": mlflow, "tensorboard": tensorboard}


def main() -> None:
    log = LOGGERS[next((word for word in sys.argv if word in LOGGERS), "print")]()
    train, test = load("digits", "train"), load("digits", "test")
    run = jobs.learn_digits(train[:500], test[:100], jobs.Settings(neurons=20), log=log)
    accuracy = run.report["metrics"]["accuracy_vote"]
    print(f"{100 * accuracy:.1f} % of the test images are right")
    plot.save(plot.learning_curve(run.report["learning_curve"], accuracy, train.name), Path("learning_curve.png"))


if __name__ == "__main__":
    main()
