"""Converting a network that learned in spikes to LIF neurons, and measuring how faithful these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, ms

from spikehebb import checkpoint, devices, metrics
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.circuits.lif import Inhibition, lif_wta
from spikehebb.conversion.lif_calibration import calibrate_lif
from spikehebb.core import Float, Images, Int, NeuronModel, Samples, digest, images_only
from spikehebb.core.progress import Progress, quiet
from spikehebb.core.seeds import check_seed
from spikehebb.devices import Device
from spikehebb.encoders import regular
from spikehebb.jobs import lif_wta as form
from spikehebb.jobs import shown
from spikehebb.jobs.fronts import Columns, Edges, described
from spikehebb.jobs.learned import LearnedNetwork
from spikehebb.jobs.lif import LifNetwork
from spikehebb.jobs.lif_wta import LifSettings, LifWta
from spikehebb.jobs.run import Arrays, Counts, check_counts, provenance, report_of, run
from spikehebb.jobs.seeds import CONVERSION

PRESENT_MS, DT_MS = 100.0, 1.0
CALIBRATION = 100  # training images, from which gain, inhibition and constant current are fitted
EVALUATIONS = 120  # settings that are tried
BRIGHTEST = 99.9  # percentile of what input neurons are presented that is a spike in every time step


@dataclass(frozen=True, kw_only=True, eq=False)
class LifRun:
    """What ``convert_learned`` returns.

    Parameters
    ----------
    report : mapping
        What ``run.json`` holds.
    network : LifNetwork
    """

    report: Mapping[str, Any]
    network: LifNetwork


def convert_learned(
    trained: LearnedNetwork,
    train: Samples,
    test: Samples,
    *,
    inhibition: Inhibition = "lateral",
    present_ms: float = PRESENT_MS,
    dt_ms: float = DT_MS,
    input_rate_hz: float | None = None,
    calibration: int = CALIBRATION,
    source: str = "",
    device: Device | str | None = None,
    seed: int = 0,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> LifRun:
    """Convert a network that learned in spikes to LIF neurons, and compare both on the same test images.

    Its weights stay; gain, inhibition and constant current of ``lif_wta`` are fitted so that the neurons' shares of
    spikes come near the softmax in which it learned. Neurons keep their labels.

    Parameters
    ----------
    trained : LearnedNetwork
        Of the circuit ``soft_wta``, on images or their edges.
    train, test : Images
        Calibrated by training images only.
    inhibition : str
        ``lateral`` or ``spiking``, as ``lif_wta`` takes it.
    present_ms, dt_ms : float
        How long an image is shown, and the time step.
    input_rate_hz : float, optional
        Of an input neuron that alone is the whole image; left out, such that the brightest thousandth of the inputs
        of calibration images fires in every time step.
    calibration : int
        How many training images the fit sees.
    source : str
        Where the network came from, for the report.
    device : Device or str, optional
        The fastest that works here when left out.
    seed : int
    out : path, optional
        A folder for ``checkpoint.npz`` and ``run.json``.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    LifRun

    Raises
    ------
    ValueError
        If the network is another circuit, images do not fit, or the calibrated circuit is dead or saturated.
    FileExistsError
        If ``out`` holds another run.
    """
    check_seed(seed)
    device, tell = devices.find(device), progress or quiet
    train, test = images_only(train), images_only(test)
    settings = check_learned(
        trained, inhibition=inhibition, present_ms=present_ms, dt_ms=dt_ms, input_rate_hz=input_rate_hz
    )
    weights, offset, inverse_temperature = _softmax(trained)
    for images in (train, test):
        trained.check(images)
    shown.check_both(train, test)
    if not 1 <= calibration <= len(train):
        raise ValueError(f"calibration must be 1 to {len(train)} training images, got {calibration}.")
    chosen = np.random.default_rng((seed, CONVERSION["calibration"])).permutation(len(train))[:calibration]
    rows = shown.rows(trained.settings, train[chosen])
    if input_rate_hz is None:
        measured = float(f"{1000 / dt_ms / np.percentile(rows[rows > 0], BRIGHTEST):.3g}")
        settings = replace(settings, max_rate_hz=measured)
    identity = {
        "config": asdict(settings),
        "image_shape": list(test.image_shape),
        "classes": list(trained.classes),
        "source": source,
        "calibrated_on": digest(rows),
        "network": digest([weights, offset, inverse_temperature, np.asarray(trained.arrays["profile"])]),
        "kind": "lif conversion",
        **provenance(device.name, seed, train=train, test=test),
    }
    job = _Conversion(
        trained=trained,
        softmax=(weights, offset, inverse_temperature),
        rows=rows,
        test=test,
        settings=settings,
        device=device,
        seed=seed,
        identity=identity,
    )
    return run(job, out=out, overwrite=overwrite, tell=tell)


def check_learned(
    trained: LearnedNetwork,
    *,
    inhibition: Inhibition = "lateral",
    present_ms: float = PRESENT_MS,
    dt_ms: float = DT_MS,
    input_rate_hz: float | None = None,
) -> LifSettings:
    """Return how the LIF form of a network is built, at any rate of its input where that is to be measured.

    Raises
    ------
    ValueError
        If the network is another circuit, or a number is out of range.
    """
    weights, _, _ = _softmax(trained)
    front, encoding = trained.settings.front, trained.settings.learner.encoding
    return LifSettings(
        neurons=weights.shape[1],
        inhibitory=0 if inhibition == "lateral" else _inhibitory(weights, inhibition),
        inhibition=inhibition,
        encoding=encoding,
        front=described(front) if isinstance(front, Edges) else "",
        max_rate_hz=1000.0 if input_rate_hz is None else input_rate_hz,
        jitter=1.0,
        presentation_ms=present_ms,
        dt_ms=dt_ms,
    )


_FIT = ("gain", "strength", "drive", "tau_m_ms", "images", "divergence", "spikes", "silent", "agreement")


@dataclass(frozen=True, kw_only=True)
class State:
    """A conversion so far: what was fitted, what the network itself answers, and what its LIF form does."""

    fit: Float  # in the order of _FIT; empty before
    own: Int  # the answer to each test image
    winner: Int  # the busiest LIF neuron of each
    total: Float  # spikes of each
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Conversion:
    trained: LearnedNetwork
    softmax: tuple[Float, Float, float]
    rows: Float
    test: Images
    settings: LifSettings
    device: Device
    seed: int
    identity: Mapping[str, Any]
    scratch: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return str(self.identity["kind"])

    def begin(self, folder: Path) -> State:
        none = np.zeros(0, np.int64)
        return State(fit=np.zeros(0), own=none, winner=none, total=np.zeros(0), seconds=0.0)

    def pack(self, state: State) -> tuple[Counts, Arrays]:
        counts = {"fit": len(state.fit), "own": len(state.own), "seen": len(state.winner)}
        arrays = {name: getattr(state, name) for name in ("fit", "own", "winner", "total")}
        return counts, {**arrays, "seconds": np.array(state.seconds)}

    def shapes(self, counts: Counts) -> Shapes:
        check_counts(counts, fit=len(_FIT), own=len(self.test), seen=len(self.test))
        fit, own, seen = ((int(counts[name]),) for name in ("fit", "own", "seen"))
        return {"fit": ("f", fit), "own": ("i", own), "winner": ("i", seen), "total": ("f", seen), "seconds": ("f", ())}

    def unpack(self, counts: Counts, arrays: Arrays) -> State:
        return State(
            fit=arrays["fit"],
            own=arrays["own"],
            winner=arrays["winner"],
            total=arrays["total"],
            seconds=float(arrays["seconds"]),
        )

    def prepare(self, state: State, folder: Path, tell: Progress) -> State:
        return state

    def step(self, state: State, folder: Path, tell: Progress) -> State | None:
        if not len(state.fit):
            tell("calibrating", 0)
            state = replace(state, fit=self._fitted())
            tell("calibrating", 1)
            return state
        if not len(state.own):
            _, own = self.trained.predict(self.test, device=self.device, progress=tell)
            return replace(state, own=np.asarray(own, np.int64))
        if not len(state.winner):
            counts, seconds = self._network(state).spike_counts(
                self.test, device=self.device, progress=lambda stage, part: tell("LIF", part)
            )
            winner = np.asarray(counts.argmax(axis=1), np.int64).ravel()
            return replace(state, winner=winner, total=np.asarray(counts.sum(axis=1), float).ravel(), seconds=seconds)
        return None

    def finish(self, state: State, folder: Path, tell: Progress) -> LifRun:
        network = self._network(state)
        report = {
            **network.header,
            **self.identity,
            "metrics": self._compared(state, network),
        }
        return LifRun(report=report, network=LifNetwork(own=network))

    def files(self, result: LifRun) -> Mapping[str, Any]:
        saved = Checkpoint(header=result.network.header, arrays=result.network.arrays)
        return {"checkpoint.npz": saved, "run.json": result.report}

    def finished(self, folder: Path) -> LifRun | None:
        report = report_of(folder / "run.json", self.identity, {"metrics": {str: float}})
        if report is None:
            return None
        saved = checkpoint.load(folder / "checkpoint.npz", form.shapes)
        if any(saved.header[name] != report.get(name) for name in saved.header.keys() - {"kind", "data"}):
            raise ValueError(
                f"{folder} holds the network of another run, so it is damaged; begin anew with --overwrite."
            )
        return LifRun(report=report, network=LifNetwork(own=form.from_checkpoint(saved)))

    def _encoder(self) -> NeuronModel:
        return regular.with_parameters(max_rate=self.settings.max_rate_hz * Hz)

    def _fitted(self) -> Float:
        weights, offset, inverse_temperature = self.softmax
        fit = calibrate_lif(
            weights,
            self.rows,
            inverse_temperature=inverse_temperature,
            bias=offset,
            inhibition=self.settings.inhibition,
            encoder=self._encoder(),
            presentation=self.settings.presentation_ms * ms,
            dt=self.settings.dt_ms * ms,
            evaluations=EVALUATIONS,
            seed=self.seed,
            device=self.device,
        )
        numbers = {name: float(fit.parameters[name]) for name in ("gain", "strength", "drive")}
        numbers["tau_m_ms"] = float(fit.parameters["tau_m"] / ms)
        return np.array([numbers[name] if name in numbers else float(getattr(fit, name)) for name in _FIT])

    def _network(self, state: State) -> LifWta:
        weights, offset, _ = self.softmax
        fit: dict[str, Any] = dict(zip(_FIT, state.fit.tolist(), strict=True))
        circuit = lif_wta(
            weights,
            bias=offset,
            inhibition=self.settings.inhibition,
            encoder=self._encoder(),
            gain=fit["gain"],
            strength=fit["strength"],
            drive=fit["drive"],
            tau_m=fit["tau_m_ms"] * ms,
        )
        labels = metrics.neuron_labels(np.asarray(self.trained.arrays["profile"]))
        own = ("config", "image_shape", "classes", "device", "seed", "source")
        header = {
            **{name: self.identity[name] for name in own},
            "kind": form.KIND,
            "calibration": {**fit, "images": int(fit["images"])},
            **{name: self.trained.header[name] for name in ("data",) if name in self.trained.header},
        }
        return LifWta(header=header, arrays=form.numbers(circuit, labels), settings=self.settings)

    def _compared(self, state: State, network: LifWta) -> dict[str, float]:
        """Return how well both vote on the same images, and how often they agree."""
        weights, offset, _ = self.softmax
        truth, answers = np.asarray(self.test.labels), network.labels[state.winner]
        strongest = np.zeros(len(self.test), np.int64)
        for first in range(0, len(self.test), 1000):
            rows = self.settings.rows(self.test[first : first + 1000])
            strongest[first : first + 1000] = (rows @ weights + offset).argmax(axis=1)
        return {
            "accuracy_vote_learned": metrics.accuracy(state.own, truth),
            "accuracy_vote": metrics.accuracy(answers, truth),
            "agreement_vote": metrics.accuracy(answers, state.own),
            "agreement_neuron": metrics.accuracy(state.winner, strongest),
            "spikes_per_image": float(state.total.mean()),
            "silent": float(np.mean(state.total == 0)),
            "ms_per_image": 1000 * state.seconds / len(self.test),
        }


def _softmax(trained: LearnedNetwork) -> tuple[Float, Float, float]:
    """Return weights, bias and inverse temperature of the softmax over which a network's neurons compete."""
    settings = trained.settings
    if settings.circuit != "soft_wta":
        raise ValueError(
            f"LIF neurons are calibrated to the softmax of the circuit soft_wta, and this is {settings.learner.name}"
            + ("; it has LIF neurons already." if settings.learner.name.startswith("lif_") else ".")
        )
    if settings.recording_ms or isinstance(settings.front, Columns):
        raise ValueError(
            "it hears spikes (events, or columns), and LIF neurons are calibrated to images; not converted."
        )
    weights = np.asarray(trained.arrays["weights"], float)
    bias = np.asarray(trained.arrays.get("bias", np.zeros(weights.shape[1])), float)
    return weights, bias * settings.temperature, 1 / settings.temperature


def _inhibitory(weights: Float, inhibition: Inhibition) -> int:
    """Return how many inhibitory neurons ``lif_wta`` has."""
    return lif_wta(weights[:, :1], inhibition=inhibition).populations["inhibition"].size
