"""The jobs, as functions: an STDP window, learning digits, scoring what was learned."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, second

from spikehebb import checkpoint, devices, metrics, protocols
from spikehebb.checkpoint import Checkpoint
from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.core import Circuit, Float, Images, Int, PlasticityRule, Recording
from spikehebb.devices import Device
from spikehebb.encoders import regular, unit_length
from spikehebb.simulate import simulate

CHUNK = 1000  # presentations per run of the program: what an interruption can cost
LABELLED = 10_000  # training images, at most, that give the neurons their labels
RECENT = 10  # chunks whose spikes label the neurons for the learning curve
_LEARN, _LABEL, _TEST, _ORDER, _WEIGHTS = range(5)  # each stage has random numbers of its own

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Window:
    """An STDP window: the change of the weight for each lag ``t_post - t_pre``."""

    rule: str
    lags: Quantity
    dw: Float
    repeats: int
    frequency: Quantity
    w0: float


def stdp_window(
    rule: PlasticityRule,
    lags: Quantity | None = None,
    *,
    repeats: int = 1,
    frequency: Quantity = 1 * Hz,
    w0: float = 0.5,
    device: Device = devices.NUMPY,
    dt: Quantity = 0.1 * ms,
) -> Window:
    """Measure the window of a rule: pairs of spikes at every lag, all side by side in one network.

    Parameters
    ----------
    rule : PlasticityRule
    lags : Quantity, optional
        ``t_post - t_pre``; every 2.5 ms from -100 to 100 ms when left out.
    repeats, frequency : int, Quantity
        How many pairings, and how often.
    w0 : float
        The weight at the start.
    device : Device
    dt : Quantity

    Returns
    -------
    Window

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.rules import stdp_pair
    >>> window = stdp_window(stdp_pair, [-10, 10] * ms)
    >>> window.dw.round(6).tolist()
    [-0.003184, 0.003033]
    """
    if lags is None:
        lags = np.linspace(-100, 100, 81) * ms
    circuit = synapse_pair(rule, pairs=len(lags), w=w0)
    protocol = protocols.pairing(lags, repeats=repeats, frequency=frequency)
    recording = simulate(circuit, protocol, device=device, dt=dt)
    dw = np.diag(recording.weights["synapse"]) - w0
    return Window(rule=rule.name, lags=lags, dw=dw, repeats=repeats, frequency=frequency, w0=w0)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides what ``learn_digits`` learns, as plain numbers.

    Parameters
    ----------
    neurons, epochs, seed : int
    temperature : float
        Of the softmax over neurons, for images and weights of length 1.
    eta : float
        Learning rate of a neuron that has not fired yet, for images of length 1.
    lifetime : float
        Number of its own spikes after which a neuron learns half as fast: ``eta/(1 + spikes/lifetime)``.
    start_norm : float
        Length of the random weights at the start. Above 2.5, so that neurons that have not learned win first.
    rate_hz : float
        Of all output neurons together.
    max_rate_hz : float
        Of an input neuron whose pixel alone is the whole image.
    tau_m_ms, presentation_ms, dt_ms : float
    jitter : float
        1: every input train starts at a random phase; 0: all at the same.
    """

    neurons: int = 100
    epochs: int = 1
    seed: int = 0
    temperature: float = 0.005
    eta: float = 0.1
    lifetime: float = 200.0
    start_norm: float = 3.0
    rate_hz: float = 400.0
    max_rate_hz: float = 1000.0
    tau_m_ms: float = 10.0
    presentation_ms: float = 50.0
    dt_ms: float = 1.0
    jitter: float = 1.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type == "int" and (isinstance(value, bool) or not isinstance(value, int)):
                raise ValueError(f"{item.name} must be a whole number, got {value!r}.")
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not np.isfinite(value):
                raise ValueError(f"{item.name} must be a finite number, got {value!r}.")
            least = 0 if item.name in ("seed", "jitter") else 1 if item.name in ("neurons", "epochs") else None
            if value < least if least is not None else value <= 0:
                raise ValueError(f"{item.name} must be {'above 0' if least is None else f'at least {least}'}, got {value}.")
        if self.rate_hz * self.dt_ms >= 1000:
            raise ValueError(
                f"rate_hz*dt_ms must stay below 1000 (one spike per time step), got {self.rate_hz * self.dt_ms:g}."
            )

    def circuit(self, weights: Float) -> Circuit:
        """Return the soft winner-take-all circuit of these settings."""
        encoder = regular.with_parameters(max_rate=self.max_rate_hz * Hz, jitter=self.jitter)
        return soft_wta(
            weights,
            encoder=encoder,
            temperature=self.temperature,
            rate=self.rate_hz * Hz,
            tau_m=self.tau_m_ms * ms,
            eta=self.eta,
            lifetime=self.lifetime,
        )


@dataclass(frozen=True, kw_only=True)
class DigitRun:
    """What ``learn_digits`` returns.

    Parameters
    ----------
    report : mapping
        What ``run.json`` holds.
    checkpoint : Checkpoint
        The trained network.
    predicted, labels : array of int, shape (test images,)
        By single-neuron vote, and as they are.
    """

    report: Mapping[str, Any]
    checkpoint: Checkpoint
    predicted: Int
    labels: Int


@dataclass(frozen=True, kw_only=True, eq=False)
class _State:
    """Learning so far: what the next chunk of images needs."""

    chunks: int
    weights: Float
    age: Float
    spikes: Float  # (input, output)
    seconds: float
    recent: Float  # (RECENT, neurons, classes): summed spikes of the last chunks
    shown: Float  # (RECENT, classes): images behind them
    curve: Float  # (chunks, 2): images seen, accuracy


def learn_digits(
    train: Images,
    test: Images,
    settings: Settings | None = None,
    *,
    device: Device | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> DigitRun:
    """Let a spiking soft winner-take-all circuit teach itself images, then label its neurons and score it.

    Parameters
    ----------
    train, test : Images
        Neurons are labelled from training images only.
    settings : Settings, optional
    device : Device, optional
        The fastest that works here when left out.
    out : path, optional
        A folder for ``checkpoint.npz`` and ``run.json``. An interrupted run with the same settings and data goes on
        where it stopped.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    DigitRun

    Raises
    ------
    ValueError
        If training and test images differ in size.
    FileExistsError
        If ``out`` holds another run.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.devices import NUMPY
    >>> digits = load("digits", "train")
    >>> run = learn_digits(digits[:20], digits[20:30], Settings(neurons=5), device=NUMPY)
    >>> sorted(run.report["metrics"])[:3]
    ['accuracy_linear', 'accuracy_soft_vote', 'accuracy_vote']
    """
    settings = settings or Settings()
    device = device or devices.find("auto")
    shape = np.shape(train.pixels)[1:]
    if np.shape(test.pixels)[1:] != shape:
        raise ValueError(f"{train.name} has images of {shape}, but {test.name} of {np.shape(test.pixels)[1:]} pixels.")
    if max(int(np.max(images.labels)) for images in (train, test)) >= metrics.CLASSES:
        raise ValueError(f"labels must lie between 0 and {metrics.CLASSES - 1}.")
    header = {
        "kind": "digits",
        "config": asdict(settings),
        "seed": settings.seed,
        "device": device.name,
        "versions": versions(),
        "image_shape": list(shape),
        "data": {part: _describe(images) for part, images in (("train", train), ("test", test))},
    }
    tell = progress or (lambda stage, fraction: None)
    state = _resume(out, header, overwrite) or _start(settings, shape)
    total = settings.epochs * len(train)
    while (done := _seen(state.chunks, len(train))) < total:
        state = _learn_chunk(
            state, train, settings, device, lambda part, done=done: tell("learning", (done + part * CHUNK) / total)
        )
        if out is not None:
            checkpoint.save(_partial(header, state), out / "partial.npz")
    tell("learning", 1)
    frozen = settings.circuit(state.weights).frozen()
    chosen = np.random.default_rng((settings.seed, _LABEL)).permutation(len(train))[:LABELLED]
    labelled = train[chosen]
    counts, _, _ = _present(frozen, labelled, settings, device, _LABEL, lambda f: tell("labelling", f))
    profile = metrics.class_profile(counts, np.asarray(labelled.labels))
    arrays = {
        "weights": state.weights,
        "age": state.age,
        "profile": profile,
        "linear": metrics.fit_linear(counts, np.asarray(labelled.labels)),
    }
    trained = Checkpoint(header=header, arrays=arrays)
    scores, predicted = _score(trained, test, device, lambda f: tell("testing", f))
    scores |= {
        "ms_per_image_train": 1000 * state.seconds / total,
        "input_spikes_per_image": state.spikes[0] / total,
        "output_spikes_per_image": state.spikes[1] / total,
        "dead_neurons": int(np.sum(state.age == 0)),
    }
    curve = [{"images_seen": int(seen), "accuracy": float(score)} for seen, score in state.curve]
    report = {**header, "labelled_from": len(labelled), "metrics": scores, "learning_curve": curve}
    if out is not None:
        checkpoint.save(trained, out / "checkpoint.npz")
        checkpoint.write_json(out / "run.json", report)
        (out / "partial.npz").unlink(missing_ok=True)
    return DigitRun(report=report, checkpoint=trained, predicted=predicted, labels=np.asarray(test.labels))


def evaluate(
    trained: Checkpoint, test: Images, *, device: Device | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Score a trained network on images; on the device that it was trained on, the same answer each time.

    Parameters
    ----------
    trained : Checkpoint
        From ``load_digits``.
    test : Images
    device : Device, optional
        The one it was trained on when left out.

    Returns
    -------
    dict
        As ``metrics`` in ``run.json``, without what only training tells.
    """
    device = device or devices.find(str(trained.header["device"]))
    tell = progress or (lambda stage, fraction: None)
    scores, _ = _score(trained, test, device, lambda f: tell("testing", f))
    return {
        "kind": "evaluation",
        "config": dict(trained.header["config"]),
        "versions": versions(),
        "seed": trained.header["seed"],
        "device": device.name,
        "data": {"test": _describe(test)},
        "metrics": scores,
    }


def load_digits(path: Path) -> Checkpoint:
    """Read what ``learn_digits`` saved, a checkpoint or the folder that holds it, and check all of it."""
    return checkpoint.load(path, _shapes)


def versions() -> dict[str, str]:
    """Return the versions that decide a result."""
    packages = ("spikehebb", "brian2", "numpy", "scipy", "scikit-learn")
    found = {"python": platform.python_version(), "compiler": devices.compiler() or "none"}
    return found | {name: importlib.metadata.version(name) for name in packages}


def some_presentations(trained: Checkpoint, images: Images, *, seed: int = 0) -> Recording:
    """Return the spikes of input and output while a trained network looks at a few images, on NumPy."""
    settings = Settings(**trained.header["config"])
    circuit = settings.circuit(np.asarray(trained.arrays["weights"])).frozen()
    protocol = protocols.presentations(images, duration=settings.presentation_ms * ms)
    return simulate(circuit, protocol, dt=settings.dt_ms * ms, seed=seed, record=("input", "output"))


def _describe(images: Images) -> dict[str, Any]:
    return {"name": images.name, "count": len(images), "hashes": dict(images.hashes)}


def _start(settings: Settings, shape: tuple[int, ...]) -> _State:
    rng = np.random.default_rng((settings.seed, _WEIGHTS))
    weights = np.abs(rng.standard_normal((int(np.prod(shape)), settings.neurons)))
    return _State(
        chunks=0,
        weights=weights * settings.start_norm / np.linalg.norm(weights, axis=0),
        age=np.zeros(settings.neurons),
        spikes=np.zeros(2),
        seconds=0.0,
        recent=np.zeros((RECENT, settings.neurons, metrics.CLASSES)),
        shown=np.zeros((RECENT, metrics.CLASSES)),
        curve=np.zeros((0, 2)),
    )


def _seen(chunks: int, images: int) -> int:
    """Return how many presentations so many chunks are; every epoch begins a new chunk."""
    per_epoch = -(-images // CHUNK)
    return chunks // per_epoch * images + min(chunks % per_epoch * CHUNK, images)


def _learn_chunk(
    state: _State, train: Images, settings: Settings, device: Device, tell: Callable[[float], None]
) -> _State:
    epoch, number = divmod(state.chunks, -(-len(train) // CHUNK))
    order = np.random.default_rng((settings.seed, _ORDER, epoch)).permutation(len(train))
    images = train[order[number * CHUNK : (number + 1) * CHUNK]]
    labels = np.asarray(images.labels)
    circuit = settings.circuit(state.weights).with_state("output", age=state.age)
    recording = _run(circuit, images, settings, device, _seed(settings.seed, _LEARN, state.chunks), tell)
    counts = _counts(recording, images, settings)
    # The curve scores every chunk with labels from the chunks before it, so on images that the labels do not know.
    shown = state.shown.sum(axis=0)
    curve = state.curve
    if shown.any():
        known = metrics.neuron_labels(state.recent.sum(axis=0) / np.maximum(shown, 1))
        score = metrics.accuracy(metrics.vote(counts, known), labels)
        curve = np.vstack([curve, [_seen(state.chunks, len(train)) + len(images), score]])
    now = np.bincount(labels, minlength=metrics.CLASSES)
    profile = metrics.class_profile(counts, labels) * np.maximum(now, 1)
    return _State(
        chunks=state.chunks + 1,
        weights=recording.weights["feedforward"],
        age=recording.state["output"]["age"],
        spikes=state.spikes + [recording.counts["input"].sum(), recording.counts["output"].sum()],
        seconds=state.seconds + recording.seconds,
        recent=np.concatenate([state.recent[1:], profile[None]]),
        shown=np.concatenate([state.shown[1:], now[None]]),
        curve=curve,
    )


def _present(
    circuit: Circuit, images: Images, settings: Settings, device: Device, stage: int, tell: Callable[[float], None]
) -> tuple[Any, Int, float]:
    """Return spike counts (images, neurons), input spikes and seconds of a circuit that only looks."""
    from scipy import sparse

    tables, inputs, seconds = [], 0, 0.0
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK]
        seed = _seed(settings.seed, stage, start // CHUNK)
        recording = _run(
            circuit,
            part,
            settings,
            device,
            seed,
            lambda fraction, start=start, part=part: tell((start + fraction * len(part)) / len(images)),
        )
        tables.append(_counts(recording, part, settings))
        inputs += int(recording.counts["input"].sum())
        seconds += recording.seconds
    return sparse.vstack(tables, format="csr"), np.int64(inputs), seconds


def _run(
    circuit: Circuit, images: Images, settings: Settings, device: Device, seed: int, tell: Callable[[float], None]
) -> Recording:
    protocol = protocols.presentations(images, duration=settings.presentation_ms * ms)
    return simulate(
        circuit, protocol, device=device, dt=settings.dt_ms * ms, seed=seed, record=("output",), progress=tell
    )


def _counts(recording: Recording, images: Images, settings: Settings) -> Any:
    return metrics.presentation_counts(
        recording.spikes["output"],
        neurons=settings.neurons,
        presentations=len(images),
        presentation=settings.presentation_ms * ms,
    )


def _score(
    trained: Checkpoint, test: Images, device: Device, tell: Callable[[float], None]
) -> tuple[dict[str, Any], Int]:
    settings = Settings(**trained.header["config"])
    shape = tuple(trained.header["image_shape"])
    if np.shape(test.pixels)[1:] != shape:
        raise ValueError(f"the network was trained on images of {shape}, but {test.name} has {np.shape(test.pixels)[1:]}.")
    arrays = trained.arrays
    frozen = settings.circuit(np.asarray(arrays["weights"])).frozen()
    counts, _, seconds = _present(frozen, test, settings, device, _TEST, tell)
    labels, profile = np.asarray(test.labels), np.asarray(arrays["profile"])
    predicted = metrics.vote(counts, metrics.neuron_labels(profile))
    return {
        "accuracy_vote": metrics.accuracy(predicted, labels),
        "accuracy_soft_vote": metrics.accuracy(metrics.soft_vote(counts, profile), labels),
        "accuracy_linear": metrics.accuracy(metrics.predict_linear(counts, np.asarray(arrays["linear"])), labels),
        "ms_per_image_test": 1000 * seconds / len(test),
    }, predicted


def _seed(seed: int, stage: int, number: int) -> int:
    return int(np.random.SeedSequence((seed, stage, number)).generate_state(1)[0])


def _shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return what a checkpoint of digits holds; raise ``ValueError`` if its header is of something else."""
    if header["kind"] not in ("digits", "digits, unfinished"):
        raise ValueError(f"it holds {header['kind']!r}, not a network that learned digits.")
    settings = Settings(**header["config"])
    devices.find(header["device"])
    shape = header["image_shape"]
    if len(shape) != 2 or not all(isinstance(side, int) and 0 < side < 10_000 for side in shape):
        raise ValueError(f"its images have the shape {shape}.")
    pixels, neurons, classes = int(np.prod(shape)), settings.neurons, metrics.CLASSES
    arrays = {"weights": ("f", (pixels, neurons)), "age": ("f", (neurons,))}
    if header["kind"] == "digits":
        return arrays | {"profile": ("f", (neurons, classes)), "linear": ("f", (classes, neurons + 1))}
    return arrays | {
        "spikes": ("f", (2,)),
        "seconds": ("f", ()),
        "recent": ("f", (RECENT, neurons, classes)),
        "shown": ("f", (RECENT, classes)),
        "curve": ("f", (int(header["points"]), 2)),
    }


def _partial(header: Mapping[str, Any], state: _State) -> Checkpoint:
    arrays = {name: np.asarray(value) for name, value in vars(state).items() if name != "chunks"}
    kind = {"kind": "digits, unfinished", "chunks": state.chunks, "points": len(state.curve)}
    return Checkpoint(header={**header, **kind}, arrays=arrays)


def _resume(out: Path | None, header: Mapping[str, Any], overwrite: bool) -> _State | None:
    """Return the state of an interrupted run with the same header, or None to start from the beginning."""
    if out is None:
        return None
    out.mkdir(parents=True, exist_ok=True)
    if (out / "partial.npz").exists():
        found = load_digits(out / "partial.npz")
        if all(found.header.get(key) == header[key] for key in header if key != "kind"):
            arrays = dict(found.arrays)
            return _State(chunks=int(found.header["chunks"]), seconds=float(arrays.pop("seconds")), **arrays)
    if not overwrite and any((out / name).exists() for name in ("run.json", "checkpoint.npz", "partial.npz")):
        raise FileExistsError(
            f"{out} holds another run; give another folder with --out, or replace it with --overwrite."
        )
    return None
