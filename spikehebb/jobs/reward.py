"""Learning from a reward that comes later: a target pattern of output rates, with and without what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import devices
from spikehebb.circuits import delayed_rates
from spikehebb.core import Float, Protocol, replicas_of
from spikehebb.core.progress import Progress, quiet
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import check_setting
from spikehebb.devices import Device
from spikehebb.jobs.run import Arrays, Counts, check_counts, report_of, run, versions
from spikehebb.jobs.seeds import generator
from spikehebb.rules import hebb_reward_delayed, node_perturbation_delayed
from spikehebb.simulation.simulate import simulate

KIND = "reward"
DT = 1 * ms
_RULES = MappingProxyType({"node": node_perturbation_delayed, "hebb": hebb_reward_delayed})
_NONE = 0.02  # of a step: the time constant of an eligibility that is gone by the next step
# What learns: a rule, the share of the expected reward that is subtracted, and whether there is an eligibility.
CONDITIONS: Mapping[str, tuple[str, float, bool]] = MappingProxyType(
    {
        "node perturbation": ("node", 1.0, True),
        "node perturbation, no baseline": ("node", 0.0, True),
        "node perturbation, no eligibility": ("node", 1.0, False),
        "reward x Hebb": ("hebb", 1.0, True),
        "reward x Hebb, no baseline": ("hebb", 0.0, True),
    }
)


@dataclass(frozen=True, kw_only=True)
class RewardTask:
    """Linear units with noise learn the target rates of each cue from the reward ``-sum((y - target)**2)``.

    Parameters
    ----------
    cues, inputs, outputs : int
        How many cues there are, and how many inputs and outputs.
    trials : int
        Each is one presentation of a cue, drawn uniformly.
    steps : int
        Time steps of a trial; the cue is there in the first.
    delay : int
        From the cue to the reward, in steps.
    tau_elig : float
        Time constant of the eligibility, in steps.
    eta, sigma : float
        Learning rate and standard deviation of the noise.
    networks : int
        How many learn, from weights and with noise of their own.
    seed : int

    Raises
    ------
    ValueError
        If a number is out of range, or the reward comes after the trial.
    """

    cues: int = 1
    inputs: int = 10
    outputs: int = 3
    trials: int = 2000
    steps: int = 10
    delay: int = 6
    tau_elig: float = 5.0
    eta: float = 1.0
    sigma: float = 0.2
    networks: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("cues", "inputs", "outputs", "trials", "steps", "delay", "networks"):
            check_setting(name, "int", getattr(self, name))
        for name in ("tau_elig", "eta", "sigma"):
            check_setting(name, "float", getattr(self, name))
        check_seed(self.seed)
        if self.delay >= self.steps:
            raise ValueError(
                f"a reward after {self.delay} steps comes after the trial of {self.steps} steps; lengthen the trial or "
                "shorten the delay."
            )


def learn_reward(
    task: RewardTask | None = None,
    *,
    device: Device | str = devices.NUMPY,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Learn a task under every condition, and return learning curves.

    Parameters
    ----------
    task : RewardTask, optional
    device : Device or str
    out : path, optional
        Folder of the run, which goes on where it stopped.
    overwrite : bool
    progress : callable
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    dict
        ``bound``, the reward of perfect weights, which the noise sets; ``curves``, for each condition the mean reward
        in each fiftieth of the trials; ``last``, the mean of the last fifth and its standard deviation over networks.

    Examples
    --------
    >>> short = learn_reward(RewardTask(trials=50, networks=1))
    >>> len(short["curves"]["node perturbation"]), round(short["bound"], 2)
    (50, -0.12)
    """
    task = task or RewardTask()
    device = devices.find(device)
    identity = {"kind": KIND, "config": asdict(task), "device": device.name, "versions": versions()}
    return run(_Reward(task=task, device=device, identity=identity), out=out, overwrite=overwrite, tell=progress)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Reward:
    """One rule after the other, all of its conditions and networks in one simulation; the state is their rewards."""

    task: RewardTask
    device: Device
    identity: Mapping[str, Any]
    kind: str = KIND
    scratch: tuple[str, ...] = ()

    def begin(self, folder: Path) -> Float:
        return np.zeros((0, self.task.networks, self.task.trials))

    def pack(self, rewards: Float) -> tuple[Counts, Arrays]:
        return {"done": len(rewards)}, {"rewards": rewards}

    def shapes(self, counts: Counts) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        check_counts(counts, done=len(CONDITIONS))
        return {"rewards": ("f", (int(counts["done"]), self.task.networks, self.task.trials))}

    def unpack(self, counts: Counts, arrays: Arrays) -> Float:
        return arrays["rewards"]

    def prepare(self, rewards: Float, folder: Path, tell: Progress) -> Float:
        return rewards

    def step(self, rewards: Float, folder: Path, tell: Progress) -> Float | None:
        tell("learning", len(rewards) / len(CONDITIONS))
        if len(rewards) == len(CONDITIONS):
            return None
        rule = list(CONDITIONS.values())[len(rewards)][0]
        conditions = [each for each in CONDITIONS.values() if each[0] == rule]
        return np.concatenate([rewards, self._rewards(rule, conditions)])

    def _rewards(self, rule: str, conditions: list[tuple[str, float, bool]]) -> Float:
        """Return the reward of every trial, shape (conditions, networks, trials)."""
        task = self.task
        rng = generator(task.seed, "rewarded")
        cues = rng.random((task.cues, task.inputs))
        cues /= np.linalg.norm(cues, axis=1, keepdims=True)
        targets = rng.random((task.cues, task.outputs))
        order = rng.integers(0, task.cues, task.trials)
        starts = [rng.uniform(0, 0.1, (task.inputs, task.outputs)) for _ in range(task.networks)]
        circuits = [
            delayed_rates(
                w,
                rule=_RULES[rule].with_parameters(
                    eta=task.eta / DT, tau_elig=(task.tau_elig if eligible else _NONE) * DT
                ),
                t_reward=task.delay * DT,
                baseline=baseline,
                sigma=task.sigma,
            )
            for _, baseline, eligible in conditions
            for w in starts
        ]
        plan = Protocol(
            stimuli={"input": cues[order], "output": targets[order]},
            duration=task.trials * task.steps * DT,
            presentation=task.steps * DT,
        )
        seeds = list(range(task.seed, task.seed + task.networks)) * len(conditions)
        done = simulate(
            replicas_of(circuits, seeds=seeds),
            plan,
            dt=DT,
            device=self.device,
            record=["critic.held"],
            every=task.steps,
        )
        held: Float = done.traces["critic.held"].T
        return held.reshape(len(conditions), task.networks, task.trials)

    def finish(self, rewards: Float, folder: Path, tell: Progress) -> dict[str, Any]:
        parts = np.array_split(np.arange(self.task.trials), min(50, self.task.trials))
        last = rewards[:, :, -max(self.task.trials // 5, 1) :].mean(axis=2)
        named = dict(zip(CONDITIONS, rewards, strict=True))
        return {
            **self.identity,
            "bound": -self.task.outputs * self.task.sigma**2,
            "trials": [float(part.mean()) for part in parts],
            "curves": {name: [float(each[:, part].mean()) for part in parts] for name, each in named.items()},
            "last": {
                name: {"mean": float(each.mean()), "standard_deviation": float(each.std())}
                for name, each in zip(CONDITIONS, last, strict=True)
            },
        }

    def files(self, report: dict[str, Any]) -> Mapping[str, Any]:
        return {"run.json": report}

    def finished(self, folder: Path) -> dict[str, Any] | None:
        return report_of(folder / "run.json", self.identity, {"curves": dict, "last": dict})
