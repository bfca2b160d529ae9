"""Learning digits with a spiking soft winner-take-all circuit: one network, or several as replicas."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np

from spikehebb import devices
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.core import Samples, images_only
from spikehebb.core.progress import Log, Progress, log_all, of_stage, reporter
from spikehebb.datasets import Given, as_samples
from spikehebb.devices import Device
from spikehebb.jobs import learned, learned_file, scores, shown
from spikehebb.jobs.advice import announce_learning
from spikehebb.jobs.digit_runs import KIND as REPLICAS
from spikehebb.jobs.digit_runs import DigitRun, DigitRuns, check_replicas, folders_of, report_on, summary
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.digit_state import (
    Networks,
    State,
    begin,
    changed,
    circuit_of,
    followed,
    labelled_images,
    layers_of,
    next_circuit,
    next_images,
    seen_after,
    warn,
)
from spikehebb.jobs.fronts import Columns
from spikehebb.jobs.learn_front import FrontRun, learn_front, pieces_of
from spikehebb.jobs.learned import AGAIN, LearnedNetwork, few, replaced, stronger
from spikehebb.jobs.run import Arrays, Counts, check_counts, report_of, run
from spikehebb.jobs.seeds import seed_of
from spikehebb.jobs.start import Start
from spikehebb.jobs.windows import networks_of, together
from spikehebb.simulation import present


@overload
def learn_digits(
    train: Given,
    test: Given,
    settings: Settings | None = None,
    *,
    start: Start | None = None,
    device: Device | str | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    log: Log | None = None,
) -> DigitRun: ...


@overload
def learn_digits(
    train: Given,
    test: Given,
    settings: Sequence[Settings],
    *,
    device: Device | str | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    log: Log | None = None,
) -> DigitRuns: ...


def learn_digits(
    train: Given,
    test: Given,
    settings: Settings | Sequence[Settings] | None = None,
    *,
    start: Start | None = None,
    device: Device | str | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    log: Log | None = None,
) -> DigitRun | DigitRuns:
    """Let a spiking soft winner-take-all circuit learn images without labels, then label its neurons and score it.

    Several settings are several networks that learn as replicas in one simulation, each in its own order. A replica
    learns the same, bit for bit, whatever learns beside it on the same device, but draws other random numbers than a
    network alone.

    Parameters
    ----------
    train, test : Images or Events
        Neurons are labelled from training images only. Recordings of an event camera are shown spike by spike, each in
        the time of a presentation.
    settings : Settings, or sequence of Settings, optional
        Left out with a start, ``start.settings(train)``. Those of replicas may differ in the seed and in what is a
        number of the circuit (temperature, eta, lifetime, start_norm, rates, time constant, jitter), but not in sizes,
        durations, rule and target.
    start : Start, optional
        A trained network that learning goes on from (``load_start``); without one it starts from random weights.
    device : Device, optional
        The fastest that works here when left out.
    out : path, optional
        A folder for ``checkpoint.npz`` and ``run.json``; of replicas, for a folder for each and ``summary.json``. An
        interrupted run with the same settings and data goes on where it stopped; a finished one is read.
    overwrite : bool
        Replace another run in ``out``, or this one where it is finished.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.
    log : callable, optional
        Called as it learns, and at the end, with how many images it has learned from and numbers by name (of replicas
        with the folder: ``seed-0/accuracy``).

    Returns
    -------
    DigitRun or, for several settings, DigitRuns

    Raises
    ------
    ValueError
        If training and test images differ in size, are in colour, or lack labels from 0 to 9; if the start takes
        images of another size or has another number of neurons than the settings; if the settings of replicas
        differ in what cannot differ.
    FileExistsError
        If ``out`` holds another run.
    BlockingIOError
        If another process is at work in ``out``.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.devices import NUMPY
    >>> digits = load("digits", "train")
    >>> run = learn_digits(digits[:20], digits[20:30], Settings(neurons=5), device=NUMPY)
    >>> sorted(run.report["metrics"])[:3]
    ['accuracy_class_vote', 'accuracy_likelihood_vote', 'accuracy_linear']
    >>> both = [Settings(neurons=5, seed=seed) for seed in (0, 1)]
    >>> learn_digits(digits[:20], digits[20:30], both, device=NUMPY).folders
    ('seed-0', 'seed-1')
    """
    train, test, device = as_samples(train, "train"), as_samples(test, "test"), devices.find(device)
    shape = shown.check_both(train, test)
    if settings is None:
        settings = start.settings(train) if start else Settings()
    replicas = not isinstance(settings, Settings)
    each = (settings,) if isinstance(settings, Settings) else tuple(settings)
    if any(len(networks_of(one)) > 1 for one in each):
        raise ValueError(
            "a front with a window is for one network in each corner: give the settings of all of them, "
            "jobs.networks_of(settings), or the corner of one."
        )
    if any(one.front for one in each):
        train, test = images_only(train), images_only(test)
    each = tuple(shown.settings_for(train, one) for one in each)
    if start is not None:
        start.check(each[0], train)
    if replicas:
        check_replicas(each)
    inputs = shown.inputs(each[0], shape)
    if isinstance(each[0].front, Columns) and start is not None:
        raise ValueError("a first layer of columns is for networks that begin anew; leave --from out.")
    shown.check_room(each, inputs)
    begun = begin(each[0], inputs, len(train.classes), None)
    plain = learned_file.packed(begun.weights, begun.lasting)
    more = {name: list(array.shape) for name, array in plain.items() if name != "weights"}
    about: dict[str, Any] = {"start": start and start.describe(train), "biased": bool(start and start.bias.any())}
    about |= {"side_by_side": True} if replicas else {}
    about |= {"more": more} if more else {}
    headers = tuple(shown.header_of(train, test, one, device, shape) | about for one in each)
    job = _Learning(
        train=train,
        test=test,
        asked=each,
        start=start,
        device=device,
        headers=headers,
        replicas=replicas,
        learns=tuple(begun.weights),
        log=log,
    )
    runs = run(job, out=out, overwrite=overwrite, tell=reporter(progress))
    return runs if replicas else runs.runs[0]


States = tuple[State, ...]  # of each network
_FRONT = "front"  # the folder of the first layer
_CURVE = [{"images_seen": int, "accuracy": float}]
_REPORT = {"metrics": {str: float}, "confusion": [[int]], "learning_curve": _CURVE, "labelled_from": int}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Learning:
    """Networks that learn the same images: one, or replicas."""

    train: Samples
    test: Samples
    asked: tuple[Settings, ...]
    start: Start | None
    device: Device
    headers: tuple[Mapping[str, Any], ...]
    replicas: bool
    learns: tuple[str, ...]
    log: Log | None = None
    warned: set[str] = field(default_factory=set)  # of what a user has been warned while it learns
    front: list[FrontRun] = field(default_factory=list)  # the first layer, once it has learned and looked
    measured: list[Settings] = field(default_factory=list)  # the settings, with what was measured on it

    @property
    def settings(self) -> tuple[Settings, ...]:
        """Those asked for, with what was measured since."""
        return tuple(self.measured) or self.asked

    @property
    def kind(self) -> str:
        return REPLICAS if self.replicas else learned_file.KIND

    @property
    def _inputs(self) -> int:
        return shown.inputs(self.settings[0], self.train.pixel_shape)

    @property
    def networks(self) -> Networks:
        room = min(present.CHUNK, len(self.train))  # for all chunks the same
        return Networks(
            settings=self.settings, device=self.device, learns=self.learns, room=room if self.replicas else 0
        )

    @property
    def scratch(self) -> tuple[str, ...]:
        if not isinstance(self.settings[0].front, Columns):
            return ()
        return tuple(f"{_FRONT}/{file}" for file in pieces_of(images_only(self.train), images_only(self.test)))

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"networks": [dict(header) for header in self.headers]} if self.replicas else self.headers[0]

    def begin(self, folder: Path) -> States:
        classes = len(self.train.classes)
        return tuple(begin(settings, self._inputs, classes, self.start) for settings in self.settings)

    def pack(self, states: States) -> tuple[Counts, Arrays]:
        each = [state.packed() for state in states]
        counts = {"chunks": states[0].chunks, "points": len(states[0].curve)}
        if not self.replicas:
            return counts, each[0]
        return counts, {name: np.stack([arrays[name] for arrays in each]) for name in each[0]}

    def shapes(self, counts: Counts) -> Shapes:
        check_counts(counts, chunks=self.settings[0].epochs * -(-len(self.train) // present.CHUNK), points=1 << 30)
        several = (len(self.settings),) if self.replicas else ()
        arrays = self.begin(Path())[0].packed() | {"curve": np.zeros((counts["points"], 2))}
        return {name: (learned_file.kind_of(name), (*several, *array.shape)) for name, array in arrays.items()}

    def unpack(self, counts: Counts, arrays: Arrays) -> States:
        count = len(self.settings)
        each = [{name: array[k] for name, array in arrays.items()} for k in range(count)] if self.replicas else [arrays]
        return tuple(
            dataclasses.replace(state, chunks=counts["chunks"]).unpacked(own)
            for state, own in zip(self.begin(Path()), each, strict=True)
        )

    def prepare(self, states: States, folder: Path, tell: Progress) -> States:
        left = self.settings[0].epochs * len(self.train) - seen_after(states[0].chunks, len(self.train))
        if isinstance(columns := self.settings[0].front, Columns):
            about: Any = {"seed": self.settings[0].seed, "device": self.device, "out": folder / _FRONT, "tell": tell}
            self.front[:] = [learn_front(images_only(self.train), images_only(self.test), columns, **about)]
            self.measured[:] = [self.front[0].measured(one) for one in self.asked]
            measured = zip(states, self.begin(folder), strict=True)
            states = tuple(dataclasses.replace(state, circuit=begun.circuit) for state, begun in measured)
        train, _ = self._seen
        announce_learning(self.settings, train, self.device, left)
        tell("building", 0)
        self.networks.prepare(states, train)
        tell("building", 1)
        return states

    @property
    def _seen(self) -> tuple[Samples, Samples]:
        """Training and test images as the network sees them: what a first layer says of them, where there is one."""
        return (self.front[0].train, self.front[0].test) if self.front else (self.train, self.test)

    def step(self, states: States, folder: Path, tell: Progress) -> States | None:
        total, done = self.settings[0].epochs * len(self.train), seen_after(states[0].chunks, len(self.train))
        if done >= total:
            tell("learning", 1)
            return None
        pairs = list(zip(states, self.settings, strict=True))
        images = [next_images(state, self._seen[0], settings) for state, settings in pairs]
        plans = [next_circuit(state, settings) for state, settings in pairs]
        bar = of_stage(tell, "learning", done / total, len(images[0]) / total)
        recordings = self.networks.show(
            [circuit for circuit, _, _ in plans], [seed for _, _, seed in plans], images, bar
        )
        learned_from, answers = [], []
        for (state, settings), recording, (_, chip, _), part in zip(pairs, recordings, plans, images, strict=True):
            learned_from.append(changed(state, recording, chip, settings))
            answers.append(present.counts_of(recording, "output", len(part), settings.presentation))
        if self.settings[0].least_spikes:
            learned_from[0], answers[0] = self._again(learned_from[0], answers[0], images[0])
        learned_from = [followed(*each, done) for each in zip(learned_from, answers, images, strict=True)]
        seen = done + len(images[0])
        log_all(self.log, folders_of(self.settings), seen, [state.measured(seen) for state in learned_from])
        if not self.replicas:
            fired = np.asarray(recordings[0].counts["output"], float)
            layers = layers_of(plans[0][0], learned_from[0], fired, self.settings[0])
            self.warned.update(warn(layers, learned_from[0], images[0], seen, self.warned))
        return tuple(learned_from)

    def _again(self, state: State, counts: Any, images: Samples) -> tuple[State, Any]:
        """Show images that were answered with too few spikes again, with stronger input each time."""
        settings = self.settings[0]
        for time in range(1, AGAIN + 1):
            rows = few(counts, settings)
            if not len(rows):
                break
            seed = seed_of(settings.seed, "learning", state.chunks, time)
            part = images[rows]
            (recording,) = self.networks.show([circuit_of(state)], [seed], [part], gain=stronger(time))
            state = changed(state, recording, None, settings)
            counts = replaced(counts, rows, present.counts_of(recording, "output", len(part), settings.presentation))
        return state, counts

    def finish(self, states: States, folder: Path, tell: Progress) -> DigitRuns:
        train, test = self._seen
        labelled = [labelled_images(train, settings) for settings in self.settings]
        trained, fired = [], []
        responses = self.networks.counts(states, labelled, "labelling", tell)
        for settings, header, state, images, (counts, _) in zip(
            self.settings, self.headers, states, labelled, responses, strict=True
        ):
            arrays = learned_file.packed(state.weights, state.lasting) | {"age": state.age}
            arrays |= {} if state.bias is None else {"bias": state.bias}
            arrays |= self.front[0].arrays(settings.front) if self.front else {}
            arrays |= scores.readouts(counts, np.asarray(images.labels), len(self.train.classes))
            trained.append(LearnedNetwork(header=header, arrays=arrays, settings=settings))
            fired.append(np.asarray(counts.sum(axis=0), float).ravel())
        runs = []
        tested = self.networks.counts(states, [test] * len(states), "testing", tell)
        votes = [network.arrays for network in trained], [counts for counts, _ in tested], self.test
        joined = {"together": together(*votes)} if all(one.place for one in self.settings) else {}
        for network, state, spikes, (counts, seconds) in zip(trained, states, fired, tested, strict=True):
            measured, predicted = scores.scores_of(network.arrays, counts, self.test, seconds)
            layers = layers_of(network.circuit(learning=True), state, spikes, network.settings)
            report = report_on(network, state, layers, self.train, self.test, measured, predicted)
            runs.append(DigitRun(report={**report, **joined}, network=network))
        seen, scored = seen_after(states[0].chunks, len(self.train)), [one.report["metrics"] for one in runs]
        log_all(self.log, folders_of(self.settings), seen, scored)
        return self._runs(runs)

    def files(self, result: DigitRuns) -> Mapping[str, Any]:
        files: dict[str, Any] = {}
        for one, folder in zip(result.runs, result.folders, strict=True):
            place = f"{folder}/" if self.replicas else ""
            network = one.network
            files[f"{place}checkpoint.npz"] = Checkpoint(header=network.header, arrays=network.arrays)
            files[f"{place}run.json"] = one.report
        return files | ({"summary.json": result.summary} if self.replicas else {})

    def finished(self, folder: Path) -> DigitRuns | None:
        runs = []
        places = [folder / name for name in folders_of(self.settings)] if self.replicas else [folder]
        for settings, place, header in zip(self.settings, places, self.headers, strict=True):
            report = report_of(place / "run.json", header, _REPORT, network=True)
            if report is None or not (place / "checkpoint.npz").exists():
                return None
            runs.append(DigitRun(report=report, network=learned.load(place, settings)))
        return None if self.replicas and not (folder / "summary.json").exists() else self._runs(runs)

    def _runs(self, runs: Sequence[DigitRun]) -> DigitRuns:
        folders = folders_of(self.settings)
        return DigitRuns(runs=tuple(runs), folders=folders, summary=summary([run.report for run in runs], folders))
