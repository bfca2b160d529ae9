"""Associating patterns with targets by Hebbian descent and what it is compared with: errors, and what is forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import devices
from spikehebb.core import Circuit, Float, digest
from spikehebb.core.progress import Progress, quiet
from spikehebb.core.values import DivergedError
from spikehebb.datasets import Patterns
from spikehebb.devices import Device
from spikehebb.jobs.association import DT, Association, check_sets, measured, presenting, start
from spikehebb.jobs.run import Arrays, Counts, check_counts, report_of, run, versions
from spikehebb.simulation import simulate

KIND = "association"
_SNAPSHOTS, _FEW = 10, 1000  # of the weights in the last pass, for the forgetting curve; of more patterns there is none
_LOST = -1.0  # the error of a run that diverged


def associate(
    sets: Sequence[Patterns],
    settings: Association | None = None,
    *,
    tests: Sequence[Patterns] = (),
    device: Device | str = devices.NUMPY,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Learn sets of patterns with every rule and rate, and return errors by pattern and by age.

    Parameters
    ----------
    sets : sequence of Patterns
        Each is learnt by a network of its own; results are means over them.
    settings : Association, optional
    tests : sequence of Patterns
        One for each set, never learnt; only how well they are answered is reported.
    device : Device or str
    out : path, optional
        Folder of the run, which goes on where it stopped.
    overwrite : bool
    progress : callable
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    dict
        ``rules``: for each its best ``eta``, ``errors`` of the patterns in the order of their presentation, their
        ``summary`` (first ten, ten in the middle, last ten, all), ``loss``, the ``forgetting`` curve (error against how
        many patterns have been learnt since), mean error by eta, and with tests ``test_error`` and ``test_right``.

    Raises
    ------
    ValueError
        If sets differ in size, targets are not what the unit can give, batches do not fill a pass, or every rate of a
        rule diverges.

    Examples
    --------
    >>> from spikehebb.datasets import patterns
    >>> few = Association(rules=("hebbian",), etas=(0.2,))
    >>> report = associate([patterns("random", 20, 30, 10)], few)
    >>> len(report["rules"]["hebbian"]["errors"])
    20
    """
    settings, device = settings or Association(), devices.find(device)
    check_sets(sets, tests, settings)
    identity = {
        "kind": KIND,
        "config": asdict(settings),
        "sets": [{"name": each.name, "digest": digest([each.inputs, each.targets])} for each in (*sets, *tests)],
        "tests": len(tests),
        "device": device.name,
        "versions": versions(),
    }
    job = _Association(sets=tuple(sets), tests=tuple(tests), settings=settings, device=device, identity=identity)
    return run(job, out=out, overwrite=overwrite, tell=progress)


Errors = Float  # (runs, patterns), and behind them loss, share that is right; of the tests error and share


@dataclass(frozen=True, kw_only=True, eq=False)
class _Association:
    """One rule, rate and set after the other; the state is their errors."""

    sets: tuple[Patterns, ...]
    tests: tuple[Patterns, ...]
    settings: Association
    device: Device
    identity: Mapping[str, Any]
    kind: str = KIND
    scratch: tuple[str, ...] = ()

    @property
    def cells(self) -> list[tuple[str, float, int]]:
        return [
            (rule, eta, number)
            for rule in self.settings.rules
            for eta in self.settings.etas
            for number in range(len(self.sets))
        ]

    @property
    def width(self) -> int:
        return len(self.sets[0]) + 4

    def begin(self, folder: Path) -> Errors:
        return np.zeros((0, self.width))

    def pack(self, errors: Errors) -> tuple[Counts, Arrays]:
        return {"done": len(errors)}, {"errors": errors}

    def shapes(self, counts: Counts) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        check_counts(counts, done=len(self.cells))
        return {"errors": ("f", (int(counts["done"]), self.width))}

    def unpack(self, counts: Counts, arrays: Arrays) -> Errors:
        return arrays["errors"]

    def prepare(self, errors: Errors, folder: Path, tell: Progress) -> Errors:
        return errors

    def step(self, errors: Errors, folder: Path, tell: Progress) -> Errors | None:
        tell("learning", len(errors) / len(self.cells))
        if len(errors) == len(self.cells):
            return None
        rule, eta, number = self.cells[len(errors)]
        try:
            learnt, _ = self._learnt(rule, eta, number)
            (own,) = measured([learnt], self.sets[number], self.device)
            (test,) = measured([learnt], self.tests[number], self.device) if self.tests else (own,)
            row = np.array([*own.errors, own.loss, own.right, test.errors.mean(), test.right])
            row = row if np.isfinite(row).all() else np.full(self.width, _LOST)
        except DivergedError:
            row = np.full(self.width, _LOST)
        return np.vstack([errors, row])

    def _learnt(self, rule: str, eta: float, number: int, every: int = 0) -> tuple[Circuit, list[tuple[int, Circuit]]]:
        """Return the network after learning, and with ``every`` what it was after so many patterns of the last pass."""
        settings, shown = self.settings, self.sets[number]
        circuit = start(settings, shown, rule, eta, number)
        steps = settings.passes * len(shown)
        plan = presenting(shown, settings.passes)
        running = settings.centring == "running"
        record = ["feedforward.w", *(["input.mean"] if running else [])] if every else []
        done = simulate(circuit, plan, dt=DT, device=self.device, record=record, every=every or 1)
        learnt = circuit.with_weights(**done.weights)
        if running:
            learnt = learnt.with_state("input", mean=done.state["input"]["mean"])
        snapshots = []
        for sample, step in enumerate(range(0, steps, every) if every else ()):
            if step >= steps - len(shown):
                shape = circuit.projections["feedforward"].weights
                assert shape is not None
                then = circuit.with_weights(feedforward=done.traces["feedforward.w"][sample].reshape(shape.shape))
                if running:
                    then = then.with_state("input", mean=done.traces["input.mean"][sample])
                snapshots.append((step + 1, then))
        return learnt, snapshots

    def finish(self, errors: Errors, folder: Path, tell: Progress) -> dict[str, Any]:
        count, rules = len(self.sets), {}
        for number, rule in enumerate(self.settings.rules):
            block = errors.reshape(len(self.settings.rules), -1, count, self.width)[number]
            patterns = block[:, :, :-4]
            means = np.where((patterns >= 0).all(axis=(1, 2)), patterns.mean(axis=(1, 2)), np.inf)
            best = int(np.argmin(means))
            if not np.isfinite(means[best]):
                raise ValueError(f"rule {rule} diverges at every learning rate; give lower ones with --etas.")
            tell("forgetting", number / len(self.settings.rules))
            loss, right, test_error, test_right = block[best, :, -4:].mean(axis=0)
            each = patterns[best].mean(axis=0)
            rules[rule] = {
                "eta": self.settings.etas[best],
                "errors": each.tolist(),
                "summary": summary(each),
                "loss": float(loss),
                "right": float(right),
                **({"test_error": float(test_error), "test_right": float(test_right)} if self.tests else {}),
                "by_eta": [None if np.isinf(mean) else float(mean) for mean in means],
                "forgetting": self._forgetting(rule, self.settings.etas[best]),
            }
        return {**self.identity, "rules": rules}

    def _forgetting(self, rule: str, eta: float) -> list[list[float]]:
        """Return the mean error of patterns since which so many others have been learnt, in ten bins of ages."""
        size = len(self.sets[0])
        if self.settings.hidden or size > _FEW or size < _SNAPSHOTS:
            return []
        every = max(self.settings.batch, size // _SNAPSHOTS // self.settings.batch * self.settings.batch)
        ages, errors = list[Float](), list[Float]()
        for number, shown in enumerate(self.sets):
            _, snapshots = self._learnt(rule, eta, number, every)
            answers = measured([circuit for _, circuit in snapshots], shown, self.device)
            for (step, _), answer in zip(snapshots, answers, strict=True):
                seen = np.arange(size) < step
                ages.append(np.mod(step - 1.0 - np.arange(size), size)[seen])
                errors.append(answer.errors[seen])
        age, error = np.concatenate(ages), np.concatenate(errors)
        bins = np.minimum(age * _SNAPSHOTS // size, _SNAPSHOTS - 1)
        return [[float(age[bins == n].mean()), float(error[bins == n].mean())] for n in np.unique(bins)]

    def files(self, report: dict[str, Any]) -> Mapping[str, Any]:
        return {"run.json": report}

    def finished(self, folder: Path) -> dict[str, Any] | None:
        return report_of(folder / "run.json", self.identity, {"rules": dict})


def summary(errors: Float) -> dict[str, float]:
    """Return the mean error of the first ten patterns, of ten in the middle, of the last ten, and of all."""
    middle = max(len(errors) // 2 - 6, 0)
    parts = {"first": errors[:10], "middle": errors[middle : middle + 10], "last": errors[-10:], "all": errors}
    return {name: float(part.mean()) for name, part in parts.items()}
