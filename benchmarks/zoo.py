"""Put a finished run into models/: its network in half precision, its card, its picture, its line in models.toml.

python benchmarks/zoo.py RUN NAME --summary "..." --command "..." [--metric NAME] [--all]

Weights are rounded to half precision, which keeps files small. ``accuracy`` is that of the run, ``sample`` that of the
rounded network on ``datasets.sample(test, 500)``; ``--all`` scores the rounded one on all test images, too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import checkpoint, datasets, jobs
from spikehebb.checkpoint import Checkpoint
from spikehebb.jobs.zoo import SAMPLE

MODELS = Path(__file__).parents[1] / "models"
LARGE = 2000  # numbers from which on an array is rounded
CARD = """# {name}

{summary}.

| | |
|---|---|
| task | learning {data} without labels; they come in afterwards, from training images only |
| command | `{command}` |
| made with | see `versions`, `device` and `data` (hashes) in `run.json` |
| files | `checkpoint.npz` ({size:.2f} MB; weights in half precision, no pickle), `run.json`{picture} |
| licence | GPL-3.0-or-later; it holds no images |

| | |
|---|---|
{scores}
| `{metric}` of this file on a sample of {sample} of them | {sampled:.1f} % |

The figures are those of one seed, of the run as it was trained, on all {count:,} test images, except for the last line:
weights here are rounded to half precision. `spikehebb models --check {name}` compares the hash and measures that line
again. Other processors draw other random numbers, which moves it by up to a point or two.

Intended use: a trained network to inspect, quantize, convert, export or go on from. Not intended: recognizing images in
practice.
"""


def rounded(arrays: Any) -> dict[str, Any]:
    """Return arrays, the large ones in half precision."""
    return {
        name: array.astype(np.float16) if array.dtype.kind == "f" and array.size > LARGE else array
        for name, array in arrays.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--summary", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--metric", default="accuracy_vote")
    parser.add_argument("--reported", default="", help="what the metric is called in run.json, where that differs")
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    trained = jobs.read(given.run)
    report = json.loads((given.run / "run.json").read_text())
    folder = MODELS / given.name
    folder.mkdir(exist_ok=True)
    file = folder / "checkpoint.npz"
    checkpoint.save(Checkpoint(header=trained.header, arrays=rounded(trained.arrays)), file)
    checkpoint.write_json(folder / "run.json", report)
    pictures = [name for name in ("receptive_fields.png", "fidelity.png") if (given.run / name).exists()]
    for name in pictures:
        shutil.copy(given.run / name, folder / name)
    data = str(report["data"]["test"]["name"]).split("/")[0]
    test, network = datasets.load(data, "test"), jobs.read(file)
    sampled = jobs.evaluate(network, datasets.sample(test, SAMPLE))["metrics"][given.metric]
    if given.all:
        print(given.name, "all images, rounded:", jobs.evaluate(network, test)["metrics"][given.metric])
    measured = report["metrics"]
    accuracy = measured[given.reported or given.metric]
    card = CARD.format(
        name=given.name,
        summary=given.summary,
        data=data,
        command=given.command,
        size=file.stat().st_size / 1e6,
        picture="".join(f", `{name}`" for name in pictures),
        metric=given.metric,
        scores="\n".join(
            f"| `{name}` | {100 * value:.1f} % |" for name, value in measured.items() if name.startswith("accuracy")
        ),
        sample=SAMPLE,
        sampled=100 * sampled,
        count=report["data"]["test"]["count"],
    )
    (folder / "README.md").write_text(card)
    line = {
        "summary": given.summary,
        "data": data,
        "command": given.command,
        "metric": given.metric,
        "accuracy": accuracy,
        "sample": sampled,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in line.items())
    index = MODELS / "models.toml"
    others = re.sub(rf"(?ms)^\[{re.escape(given.name)}\]\n.*?(?=^\[|\Z)", "", index.read_text()).rstrip()
    index.write_text(f"{others}\n\n[{given.name}]\n{text}\n")
    print(given.name, round(file.stat().st_size / 1e6, 2), "MB", given.metric, accuracy, sampled)


if __name__ == "__main__":
    main()
