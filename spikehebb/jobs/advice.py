"""Whether a CPU or a GPU learns digits faster, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from brian2 import Hz

from spikehebb import devices
from spikehebb.core import Images, Protocol, Replicas, Samples
from spikehebb.core.progress import announce_hours
from spikehebb.datasets import sample
from spikehebb.devices import Device, nvcc
from spikehebb.jobs import shown
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.fronts import Columns
from spikehebb.simulation import costs, present
from spikehebb.simulation.plan import Plan
from spikehebb.simulation.replicated_plan import plan_of

GAIN = 1.5  # times that a GPU must be faster to be advised: its programs take longer to compile and to start
_BETWEEN = 0.05  # seconds that a chunk of images takes besides learning, measured on one core of a shared machine
_SPIKES = 20  # of all output neurons in an image, where a circuit does not say
_PIXELS, _BRIGHT = 784, 0.19  # of an image that is only counted with: MNIST's size, and its share of ink


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A device, what an image takes there and elsewhere (in seconds, on average over replicas), and one sentence."""

    device: Device
    cpu: float
    gpu: float
    reason: str


def advise(settings: Settings, images: Samples | None = None, *, replicas: int = 1) -> Advice:
    """Choose between CPU and GPU for learning digits.

    Parameters
    ----------
    settings : Settings
    images : Samples, optional
        What is learned; images of the size and brightness of MNIST's when left out.
    replicas : int
        How many networks learn as replicas in one simulation.

    Returns
    -------
    Advice

    Examples
    --------
    >>> from spikehebb.jobs import Settings, advise
    >>> small, large = (advise(Settings(neurons=neurons)) for neurons in (100, 6400))
    >>> small.cpu < large.cpu
    True
    """
    plan, load = _load(settings, images, replicas)
    steps = settings.presentation_ms / settings.dt_ms
    on_cpu, on_gpu = costs.known()
    cpu, gpu = (cost.seconds(load) * steps / replicas for cost in (on_cpu, on_gpu))
    device, why = _chosen(plan, cpu, gpu, on_gpu.measured)
    return Advice(device=device, cpu=cpu, gpu=gpu, reason=f"{device.name}{why}")


def expected_seconds(settings: Settings, images: Samples, device: Device, *, replicas: int = 1) -> float:
    """Return about how long an image takes to learn on a device, in seconds and for each replica."""
    on_cpu, on_gpu = costs.known()
    load = _load(settings, images, replicas)[1]
    if device is devices.NUMPY:
        step = costs.NUMPY_COST.seconds(load)
    elif devices.on_gpu(device):
        step = on_gpu.seconds(load)
    else:  # of which few neurons take more than their events
        step = max(on_cpu.seconds(load), costs.CPP_COST.step + costs.CPP_COST.neurons * load.neurons)
    return step * settings.presentation_ms / settings.dt_ms / replicas


def announce_learning(settings: Sequence[Settings], images: Samples, device: Device, left: int) -> None:
    """Say how long learning takes where that is hours.

    Parameters
    ----------
    settings : sequence of Settings
        Of every network.
    images : Samples
    device : Device
    left : int
        How many presentations are left to learn from.
    """
    count, first = len(settings), settings[0]
    announce_hours(
        f"learning {left:,} images with {count * first.neurons:,} neurons on {device.name}",
        left * count * expected_seconds(first, images, device, replicas=count)
        + _BETWEEN * left / min(present.CHUNK, len(images)),
        "fewer epochs, images or neurons",
    )


def _load(settings: Settings, images: Samples | None, replicas: int) -> tuple[Plan, costs.Load]:
    """Return the plan of learning digits, and what happens in a time step, on average."""
    inputs = _PIXELS
    if images is not None:
        settings = shown.settings_for(images, settings)
        if isinstance(settings.front, Columns) and isinstance(images, Images):  # which have not looked at them yet
            inputs, images = shown.inputs(settings, images.pixel_shape), None
    rows = np.full((1, inputs), 0.0) if images is None else shown.rows(settings, sample(images, 200))
    if images is None:
        rows[0, : round(_BRIGHT * inputs)] = 1 / np.sqrt(round(_BRIGHT * inputs))
    shown.check_room([settings] * replicas, rows.shape[1])
    circuit = settings.started(rows.shape[1])
    period = settings.presentation
    frames = shown.frames(settings)
    whole = np.repeat(rows, frames, axis=0) if images is None else rows
    length = len(whole) // frames * period
    protocol = Protocol(stimuli={"input": whole}, duration=length, presentation=period, frames=frames)
    protocols: Protocol | list[Protocol] = protocol if replicas == 1 else [protocol] * replicas
    plan = plan_of(circuit if replicas == 1 else Replicas(circuit=circuit, count=replicas), protocols, dt=settings.dt)
    rate = circuit.populations["input"].model.parameters.get("max_rate", settings.max_rate_hz * Hz)
    spikes = np.minimum(float(rate * settings.dt) * rows, 1).sum(axis=1).mean()
    if settings.recording_ms:  # rows are words of spikes
        spikes = float(rate * settings.dt) * math.sqrt(rows.shape[1])
    outputs = (
        settings.rate_hz * settings.dt_ms / 1000
        if settings.circuit == "soft_wta"
        else _SPIKES * settings.dt_ms / settings.presentation_ms
    )
    return plan, costs.load_of(plan, {"input": replicas * float(spikes), "output": replicas * outputs})


def _chosen(plan: Plan, cpu: float, gpu: float, measured: str) -> tuple[Device, str]:
    """Return the device and why; times are those of an image."""
    fallback, gpus = devices.find("auto"), nvcc.gpus()
    if not gpus:
        return fallback, ", as there is no NVIDIA GPU here"
    try:
        nvcc.toolkit()
        if devices.cuda.brian2cuda_version() is None:
            raise RuntimeError(devices.cuda.NO_BRIAN2CUDA)
        costs.check_gpu_memory(plan, devices.CUDA, gpus[0])
    except RuntimeError as error:
        return fallback, f", although {gpus[0].name} is here: {error}"
    source = (
        f"measured: {measured}" if measured else "a GPU's costs are assumed; benchmarks/gpu.py --keep measures them"
    )
    times = f"about {1000 * gpu:.3g} ms per image on {gpus[0].name}, {1000 * cpu:.3g} ms on one core"
    return devices.CUDA if gpu * GAIN < cpu else fallback, f": {times} ({source})"
