"""Whether a CPU or a GPU learns digits faster, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import ms

from spikehebb import devices
from spikehebb.core import Images, Protocol, Replicas
from spikehebb.datasets import sample
from spikehebb.devices import Device, nvcc
from spikehebb.encoders import unit_length
from spikehebb.jobs.digit_settings import Settings
from spikehebb.simulation import costs
from spikehebb.simulation.plan import Plan
from spikehebb.simulation.replicated_plan import plan_of

GAIN = 1.5  # times that a GPU must be faster to be advised: its programs take longer to compile and to start
_PIXELS, _BRIGHT = 784, 0.19  # of an image that is only counted with: MNIST's size, and its share of ink


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A device, what an image takes there and elsewhere (in seconds, on average over replicas), and one sentence."""

    device: Device
    cpu: float
    gpu: float
    reason: str


def advise(settings: Settings, images: Images | None = None, *, replicas: int = 1) -> Advice:
    """Choose between CPU and GPU for learning digits.

    Parameters
    ----------
    settings : Settings
    images : Images, optional
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
    rows = np.full((1, _PIXELS), 0.0) if images is None else unit_length(sample(images, 200).intensities())
    if images is None:
        rows[0, : round(_BRIGHT * _PIXELS)] = 1 / np.sqrt(round(_BRIGHT * _PIXELS))
    circuit = settings.circuit(np.zeros((rows.shape[1], settings.neurons)))
    period = settings.presentation_ms * ms
    protocol = Protocol(stimuli={"input": rows}, duration=len(rows) * period, presentation=period)
    shown: Protocol | list[Protocol] = protocol if replicas == 1 else [protocol] * replicas
    plan = plan_of(
        circuit if replicas == 1 else Replicas(circuit=circuit, count=replicas), shown, dt=settings.dt_ms * ms
    )
    inputs = np.minimum(settings.max_rate_hz * rows * settings.dt_ms / 1000, 1).sum(axis=1).mean()
    outputs = settings.rate_hz * settings.dt_ms / 1000
    load = costs.load_of(plan, {"input": replicas * float(inputs), "output": replicas * outputs})
    steps = settings.presentation_ms / settings.dt_ms
    on_cpu, on_gpu = costs.known()
    cpu, gpu = (cost.seconds(load) * steps / replicas for cost in (on_cpu, on_gpu))
    device, why = _chosen(plan, cpu, gpu, on_gpu.measured)
    return Advice(device=device, cpu=cpu, gpu=gpu, reason=f"{device.name}{why}")


def _chosen(plan: Plan, cpu: float, gpu: float, measured: str) -> tuple[Device, str]:
    """Return the device and why; times are those of an image."""
    fallback, gpus = devices.find("auto"), nvcc.gpus()
    if not gpus:
        return fallback, ", as there is no NVIDIA GPU here"
    try:
        nvcc.toolkit()
        if devices.cuda.brian2cuda_version() is None:
            raise RuntimeError(devices.cuda.NO_BRIAN2CUDA)
        costs.check_memory(plan, devices.CUDA, gpus[0])
    except RuntimeError as error:
        return fallback, f", although {gpus[0].name} is here: {error}"
    source = (
        f"measured: {measured}" if measured else "a GPU's costs are assumed; benchmarks/gpu.py --keep measures them"
    )
    times = f"about {1000 * gpu:.3g} ms per image on {gpus[0].name}, {1000 * cpu:.3g} ms on one core"
    return devices.CUDA if gpu * GAIN < cpu else fallback, f": {times} ({source})"
