"""Converting a network that learned in spikes to LIF neurons, and measuring how faithful these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, ms

from spikehebb import devices, metrics
from spikehebb.checkpoint import Checkpoint
from spikehebb.circuits.lif import Inhibition, lif_wta
from spikehebb.conversion.lif_calibration import Calibration, calibrate_lif
from spikehebb.core import Float, Samples, images_only
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
from spikehebb.jobs.run import check_new, held, provenance, write
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
    weights, offset, inverse_temperature = _softmax(trained)
    shown.check_both(train, test)
    if not 1 <= calibration <= len(train):
        raise ValueError(f"calibration must be 1 to {len(train)} training images, got {calibration}.")
    chosen = np.random.default_rng((seed, CONVERSION["calibration"])).permutation(len(train))[:calibration]
    rows = shown.rows(trained.settings, train[chosen])
    if input_rate_hz is None:
        input_rate_hz = float(f"{1000 / dt_ms / np.percentile(rows[rows > 0], BRIGHTEST):.3g}")
    front, encoding = trained.settings.front, trained.settings.learner.encoding
    settings = LifSettings(
        neurons=weights.shape[1],
        inhibitory=0 if inhibition == "lateral" else _inhibitory(weights, inhibition),
        inhibition=inhibition,
        encoding=encoding,
        front=described(front) if isinstance(front, Edges) else "",
        max_rate_hz=input_rate_hz,
        jitter=1.0,
        presentation_ms=present_ms,
        dt_ms=dt_ms,
    )
    if out is not None:
        with held(out) as folder:
            check_new(folder, overwrite)
    tell("calibrating", 0)
    fit = calibrate_lif(
        weights,
        rows,
        inverse_temperature=inverse_temperature,
        bias=offset,
        inhibition=inhibition,
        encoder=regular.with_parameters(max_rate=input_rate_hz * Hz),
        presentation=present_ms * ms,
        dt=dt_ms * ms,
        evaluations=EVALUATIONS,
        seed=seed,
        device=device,
    )
    tell("calibrating", 1)
    labels = metrics.neuron_labels(np.asarray(trained.arrays["profile"]))
    circuit = lif_wta(weights, bias=offset, **fit.parameters)
    header = {
        "kind": form.KIND,
        "config": asdict(settings),
        "image_shape": list(test.image_shape),
        "classes": list(trained.classes),
        "device": device.name,
        "seed": seed,
        "source": source,
        "calibration": _calibration(fit),
        **{name: trained.header[name] for name in ("data",) if name in trained.header},
    }
    own = LifWta(header=header, arrays=form.numbers(circuit, labels), settings=settings)
    network = LifNetwork(own=own)
    report = {
        **header,
        "kind": "lif conversion",
        **provenance(device.name, seed, train=train, test=test),
        "metrics": _compared(trained, own, test, weights, offset, device, tell),
    }
    if out is not None:
        saved = Checkpoint(header=network.header, arrays=network.arrays)
        with held(out) as folder:
            write(folder, {"checkpoint.npz": saved, "run.json": report})
    return LifRun(report=report, network=network)


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


def _calibration(fit: Calibration) -> dict[str, Any]:
    numbers = {name: float(fit.parameters[name]) for name in ("gain", "strength", "drive")}
    measured = {name: getattr(fit, name) for name in ("images", "divergence", "spikes", "silent", "agreement")}
    return {**numbers, "tau_m_ms": float(fit.parameters["tau_m"] / ms), **measured}


def _compared(
    trained: LearnedNetwork,
    network: LifWta,
    test: Any,
    weights: Float,
    offset: Float,
    device: Device,
    tell: Progress,
) -> dict[str, float]:
    """Return how well both vote on the same images, and how often they agree."""
    scores, own = trained.predict(test, device=device, progress=tell)
    counts, seconds = network.spike_counts(test, device=device, progress=lambda stage, part: tell("LIF", part))
    winner, truth = np.asarray(counts.argmax(axis=1)).ravel(), np.asarray(test.labels)
    answers, strongest = network.labels[winner], np.zeros(len(test), np.int64)
    for first in range(0, len(test), 1000):
        rows = network.settings.rows(test[first : first + 1000])
        strongest[first : first + 1000] = (rows @ weights + offset).argmax(axis=1)
    totals = np.asarray(counts.sum(axis=1)).ravel()
    return {
        "accuracy_vote_learned": float(scores["accuracy_vote"]),
        "accuracy_vote": metrics.accuracy(answers, truth),
        "agreement_vote": metrics.accuracy(answers, own),
        "agreement_neuron": metrics.accuracy(winner, strongest),
        "spikes_per_image": float(totals.mean()),
        "silent": float(np.mean(totals == 0)),
        "ms_per_image": 1000 * seconds / len(test),
    }
