"""Learning digits with several networks at once: as replicas in one simulation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from scipy import sparse

from spikehebb import checkpoint, devices
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Circuit, Images, Protocol, Recording, Replicas, replicas_of
from spikehebb.devices import Device
from spikehebb.jobs import learn_digits, presenting, saved
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.evaluate import score_counts
from spikehebb.jobs.learn_digits import DigitRun
from spikehebb.jobs.presenting import STAGES, Progress, counts_of, protocol, quiet, seed_of, within
from spikehebb.jobs.saved import State
from spikehebb.simulation import prepare, simulate

_EQUAL = ("neurons", "epochs", "presentation_ms", "dt_ms", "rule", "target", "rounding", "epoch_ms", "dropped")
_UNFINISHED = "digits side by side, unfinished"
_SCORES = ("accuracy_vote", "accuracy_soft_vote", "accuracy_linear")


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """What ``learn_side_by_side`` returns.

    Parameters
    ----------
    runs : tuple of DigitRun
        One for each of the settings.
    folders : tuple of str
        Their names below ``out``: ``seed-K`` where only seeds differ, else ``network-K``.
    summary : mapping
        What ``summary.json`` holds: accuracies of each network, their mean and standard deviation over networks.
    """

    runs: tuple[DigitRun, ...]
    folders: tuple[str, ...]
    summary: Mapping[str, Any]


def learn_side_by_side(
    train: Images,
    test: Images,
    settings: Sequence[Settings],
    *,
    device: Device | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SideBySide:
    """Let several networks teach themselves images in one simulation, each in its own order, and score each.

    A network learns the same, bit for bit, whatever learns beside it on the same device; but not the same as with
    ``learn_digits``, which draws other random numbers.

    Parameters
    ----------
    train, test : Images
    settings : sequence of Settings
        One for each network. They may differ in the seed and in what is a number of the circuit (temperature, eta,
        lifetime, start_norm, rates, time constant, jitter), but not in sizes, durations, rule and target.
    device : Device, optional
        The fastest that works here when left out.
    out : path, optional
        A folder for one folder with ``checkpoint.npz`` and ``run.json`` for each network, and for ``summary.json``. An
        interrupted run with the same settings and data goes on where it stopped.
    overwrite : bool
        Replace other runs in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    SideBySide

    Raises
    ------
    ValueError
        If the settings differ in what cannot differ, or the images do not fit.
    FileExistsError
        If ``out`` holds other runs.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.devices import NUMPY
    >>> images = load("digits", "train")
    >>> both = [Settings(neurons=5, seed=seed) for seed in (0, 1)]
    >>> learned = learn_side_by_side(images[:20], images[20:30], both, device=NUMPY)
    >>> learned.folders
    ('seed-0', 'seed-1')
    """
    device, tell = device or devices.find("auto"), progress or quiet
    settings = tuple(settings)
    shape = learn_digits.check_both(train, test)
    _check(settings)
    headers = [learn_digits.header_of(train, test, each, device) | {"side_by_side": True} for each in settings]
    folders, group = _folders(settings), _Group(settings=settings, device=device)
    first = [learn_digits.begin(each, shape, None) for each in settings]
    states = _resume(out, headers, folders, overwrite) or first
    total = settings[0].epochs * len(train)
    tell("building", 0)
    rows = min(presenting.CHUNK, len(train))
    group.build(states, train, rows)
    tell("building", 1)
    while (done := learn_digits.seen_after(states[0].chunks, len(train))) < total:
        images = [learn_digits.next_images(*pair) for pair in zip(states, [train] * len(states), settings, strict=True)]
        bar = within(tell, "learning", done / total, len(images[0]) / total)
        states = group.learn(states, images, rows, done, bar)
        if out is not None:
            checkpoint.save(_partial(headers, states), out / "partial.npz")
    tell("learning", 1)
    labelled = [learn_digits.labelled_images(train, each) for each in settings]
    counts, _ = group.present(states, labelled, rows, "labelling", tell)
    networks = [learn_digits.label(*each) for each in zip(headers, states, counts, labelled, strict=True)]
    counts, seconds = group.present(states, [test] * len(settings), rows, "testing", tell)
    runs = []
    for number, network in enumerate(networks):
        scores, predicted = score_counts(network, counts[number], test, seconds / len(settings))
        folder = None if out is None else out / folders[number]
        if folder is not None:
            folder.mkdir(exist_ok=True)
        here = (network, states[number], first[number], labelled[number], test, scores, predicted)
        runs.append(learn_digits.finish(*here, out=folder))
    summary = _summary(runs, folders)
    if out is not None:
        checkpoint.write_json(out / "summary.json", summary)
        (out / "partial.npz").unlink(missing_ok=True)
    return SideBySide(runs=tuple(runs), folders=folders, summary=summary)


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Networks that run side by side, and where."""

    settings: tuple[Settings, ...]
    device: Device

    def build(self, states: Sequence[State], train: Images, rows: int) -> None:
        """Compile what learning and looking need."""
        images = [train[:1]] * len(states)
        learning = [learn_digits.next_circuit(*each)[0] for each in zip(states, self.settings, strict=True)]
        for circuits in (learning, self._frozen(states)):
            prepare(
                self._replicas(circuits),
                self._shown(images, rows),
                device=self.device,
                dt=self.settings[0].dt_ms * ms,
                record=("output",),
            )

    def learn(self, states: Sequence[State], images: Sequence[Images], rows: int, seen: int, tell: Any) -> list[State]:
        """Return the states after a chunk of images."""
        each = [learn_digits.next_circuit(*pair) for pair in zip(states, self.settings, strict=True)]
        seeds = [seed for _, _, seed in each]
        recording = self._run([circuit for circuit, _, _ in each], seeds, images, rows, tell)
        learned = []
        for number, (_, chip, _) in enumerate(each):
            mine = self._of(recording, number)
            learned.append(
                learn_digits.learned(states[number], mine, chip, images[number], self.settings[number], seen)
            )
        return learned

    def present(
        self, states: Sequence[State], images: Sequence[Images], rows: int, stage: str, tell: Progress
    ) -> tuple[list[Any], float]:
        """Return the spike counts (images, neurons) of every network, and the seconds that they took together."""
        circuits, count, seconds = self._frozen(states), len(images[0]), 0.0
        tables: list[list[Any]] = [[] for _ in states]
        for number, start in enumerate(range(0, count, rows)):
            part = [one[start : start + rows] for one in images]
            bar = within(tell, stage, start / count, len(part[0]) / count)
            seeds = [seed_of(each.seed, STAGES[stage], number) for each in self.settings]
            recording = self._run(circuits, seeds, part, rows, bar)
            seconds += recording.seconds
            for copy, table in enumerate(tables):
                table.append(counts_of(recording.replica(copy), part[copy], self.settings[copy]))
        return [sparse.vstack(table, format="csr") for table in tables], seconds

    def _frozen(self, states: Sequence[State]) -> list[Circuit]:
        return [each.circuit(state.weights).frozen() for each, state in zip(self.settings, states, strict=True)]

    def _run(
        self, circuits: Sequence[Circuit], seeds: Sequence[int], images: Sequence[Images], rows: int, tell: Any
    ) -> Recording:
        return simulate(
            self._replicas(circuits, seeds),
            self._shown(images, rows),
            device=self.device,
            dt=self.settings[0].dt_ms * ms,
            record=("output",),
            progress=tell,
        )

    def _replicas(self, circuits: Sequence[Circuit], seeds: Sequence[int] | None = None) -> Replicas:
        """Return the circuits as replicas with weights of their own, also where these are still the same."""
        weights = np.stack([np.asarray(circuit.projections["feedforward"].weights) for circuit in circuits])
        return dataclasses.replace(replicas_of(circuits, seeds=seeds), weights={"feedforward": weights})

    def _shown(self, images: Sequence[Images], rows: int) -> list[Protocol]:
        """Return what every network sees; a program has room for so many rows, whatever there is to see."""
        shown = []
        for each, settings in zip(images, self.settings, strict=True):
            plan = protocol(each, settings)
            pixels = np.asarray(plan.stimuli["input"])
            padded = np.zeros((rows, pixels.shape[1]))
            padded[: len(pixels)] = pixels
            shown.append(dataclasses.replace(plan, stimuli={"input": padded}))
        return shown

    def _of(self, recording: Recording, number: int) -> Recording:
        mine = recording.replica(number)
        return dataclasses.replace(mine, seconds=recording.seconds / len(self.settings))


def _check(settings: Sequence[Settings]) -> None:
    if not settings:
        raise ValueError("no settings: give one for each network that learns.")
    for name in _EQUAL:
        values = list(dict.fromkeys(getattr(each, name) for each in settings))
        if len(values) > 1:
            raise ValueError(
                f"networks side by side must have the same {name}, got {', '.join(map(str, values))}; run these "
                "settings one after another."
            )
    if settings[0].dropped and len({each.seed for each in settings}) > 1:
        raise ValueError(
            f"dropped is {settings[0].dropped:g}, and every seed breaks other synapses, but networks side by side have "
            "the same; run these seeds one after another."
        )


def _folders(settings: Sequence[Settings]) -> tuple[str, ...]:
    seeds = [each.seed for each in settings]
    alike = len({dataclasses.replace(each, seed=0) for each in settings}) == 1
    if alike and len(set(seeds)) == len(seeds):
        return tuple(f"seed-{seed}" for seed in seeds)
    return tuple(f"network-{number}" for number in range(len(settings)))


def _partial(headers: Sequence[Mapping[str, Any]], states: Sequence[State]) -> Checkpoint:
    """Return the states of all networks as something that can be saved."""
    arrays = {
        name: np.stack([np.asarray(getattr(state, name)) for state in states])
        for name, value in vars(states[0]).items()
        if name != "chunks" and value is not None
    }
    header = {"kind": _UNFINISHED, "chunks": states[0].chunks, "points": len(states[0].curve)}
    return Checkpoint(header={**header, "networks": [dict(each) for each in headers]}, arrays=arrays)


def _shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    if header["kind"] != _UNFINISHED:
        raise ValueError(f"it holds {header['kind']!r}, not networks that were learning side by side.")
    networks = header["networks"]
    one = saved.shapes({**networks[0], "kind": "digits, unfinished", "points": header["points"]})
    return {name: (kind, (len(networks), *shape)) for name, (kind, shape) in one.items()}


def _resume(
    out: Path | None, headers: Sequence[Mapping[str, Any]], folders: Sequence[str], overwrite: bool
) -> list[State] | None:
    """Return the states of an interrupted run with the same headers, or None to start from the beginning."""
    if out is None:
        return None
    out.mkdir(parents=True, exist_ok=True)
    if (out / "partial.npz").exists():
        try:
            found = checkpoint.load(out / "partial.npz", _shapes)
        except ValueError:
            if not overwrite:
                raise
        else:
            if found.header["networks"] == [dict(each) for each in headers]:
                return [_state(found, number) for number in range(len(headers))]
    for folder in (out, *(out / name for name in folders)):
        saved.may_begin(folder, overwrite)
    return None


def _state(found: Checkpoint, number: int) -> State:
    arrays = {name: np.asarray(array[number]) for name, array in found.arrays.items()}
    seconds = float(arrays.pop("seconds"))
    return State(chunks=int(found.header["chunks"]), seconds=seconds, bias=None, **arrays)


def _summary(runs: Sequence[DigitRun], folders: Sequence[str]) -> dict[str, Any]:
    scores = {name: [float(run.report["metrics"][name]) for run in runs] for name in _SCORES}
    shared = ("device", "versions", "image_shape", "data")
    return {
        "kind": "digits side by side",
        **{name: runs[0].report[name] for name in shared},
        "networks": [
            {
                "folder": folder,
                "config": run.report["config"],
                "metrics": {name: run.report["metrics"][name] for name in _SCORES},
            }
            for folder, run in zip(folders, runs, strict=True)
        ],
        "mean": {name: float(np.mean(values)) for name, values in scores.items()},
        "standard_deviation": {
            name: float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for name, values in scores.items()
        },
        "ms_per_image_train": sum(float(run.report["metrics"]["ms_per_image_train"]) for run in runs) / len(runs),
    }
