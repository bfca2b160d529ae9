"""The command that learns from a reward."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikehebb.cli.common import RULES, DeviceName, Json, Overwrite, command, into, page, print_json, progress, say


@command(RULES, "reward --out runs/reward")
def reward(
    out: Annotated[Path, into("Folder for run.json and the picture.")],
    trials: Annotated[int, typer.Option(help="Trials.")] = 2000,
    delay: Annotated[int, typer.Option(help="From the cue to the reward, in time steps.")] = 6,
    steps: Annotated[int, typer.Option(help="Time steps of a trial.")] = 10,
    tau_elig: Annotated[float, typer.Option(help="Time constant of the eligibility, in time steps.")] = 5.0,
    eta: Annotated[float, typer.Option(help="Learning rate.")] = 1.0,
    sigma: Annotated[float, typer.Option(help="Standard deviation of the noise of the outputs.")] = 0.2,
    cues: Annotated[int, typer.Option(help="Cues, each with its target rates.")] = 1,
    inputs: Annotated[int, typer.Option(help="Inputs.")] = 10,
    outputs: Annotated[int, typer.Option(help="Outputs.")] = 3,
    networks: Annotated[int, typer.Option(help="How many learn, to average over.")] = 5,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of cues, targets, weights and noise.")] = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Learn target rates from a delayed reward: with and without baseline, with and without eligibility."""
    from spikehebb import devices, jobs, plot

    task = jobs.RewardTask(
        trials=trials,
        delay=delay,
        steps=steps,
        tau_elig=tau_elig,
        eta=eta,
        sigma=sigma,
        cues=cues,
        inputs=inputs,
        outputs=outputs,
        networks=networks,
        seed=seed,
    )
    with progress() as tell, jobs.held(out):
        report = jobs.learn_reward(task, device=devices.find(device), out=out, overwrite=overwrite, progress=tell)
        shown = [plot.save(plot.rewards(report), out / "reward.png"), page(out)]
    if as_json:
        print_json(report)
        return
    say(f"{'mean reward of the last fifth of the trials':46}{'mean':>9}{'s.d. over networks':>20}")
    for name, last in report["last"].items():
        say(f"{name:46}{last['mean']:9.3f}{last['standard_deviation']:20.3f}")
    say(f"{'perfect weights':46}{report['bound']:9.3f}")
    for path in (out / "run.json", *shown):
        say(f"  {path}")
