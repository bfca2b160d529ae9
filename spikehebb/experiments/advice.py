"""Whether a CPU or a GPU learns digits faster, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import ms

from spikehebb import costs, devices
from spikehebb.core import Images, Protocol
from spikehebb.devices import Device, nvcc
from spikehebb.encoders import unit_length
from spikehebb.experiments.settings import Settings
from spikehebb.replicate import plan_of

GAIN = 1.5  # times that a GPU must be faster to be advised: its programs take longer to compile and to start
_PIXELS, _BRIGHT = 784, 0.19  # of an image that is only counted with: MNIST's size, and its share of ink


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A device, what an image takes there and elsewhere (in seconds, on average over replicas), and one sentence."""

    device: Device
    cpu: float
    gpu: float
    reason: str


def advise(settings: Settings, images: Images | None = None, *, replicas: int = 1, gpu: bool = True) -> Advice:
    """Choose between CPU and GPU for learning digits.

    Parameters
    ----------
    settings : Settings
    images : Images, optional
        What is learned; images of the size and brightness of MNIST's when left out.
    replicas : int
        How many networks learn side by side.
    gpu : bool
        Whether a GPU may be chosen; without, both times are told all the same.

    Returns
    -------
    Advice

    Examples
    --------
    >>> from spikehebb.experiments import Settings, advise
    >>> small, large = (advise(Settings(neurons=neurons), gpu=False) for neurons in (100, 6400))
    >>> small.cpu < large.cpu
    True
    """
    rows = np.full((1, _PIXELS), 0.0) if images is None else unit_length(images[: min(len(images), 200)].intensities())
    if images is None:
        rows[0, : round(_BRIGHT * _PIXELS)] = 1 / np.sqrt(round(_BRIGHT * _PIXELS))
    circuit = settings.circuit(np.zeros((rows.shape[1], settings.neurons)))
    period = settings.presentation_ms * ms
    protocol = Protocol(stimuli={"input": rows}, duration=len(rows) * period, presentation=period)
    shown: Protocol | list[Protocol] = protocol if replicas == 1 else [protocol] * replicas
    plan = plan_of(circuit if replicas == 1 else circuit.replicas(replicas), shown, dt=settings.dt_ms * ms)
    inputs = np.minimum(settings.max_rate_hz * rows * settings.dt_ms / 1000, 1).sum(axis=1).mean()
    outputs = settings.rate_hz * settings.dt_ms / 1000
    load = costs.load_of(plan, {"input": replicas * float(inputs), "output": replicas * outputs})
    steps = settings.presentation_ms / settings.dt_ms
    cpu, there = (cost.seconds(load) * steps / replicas for cost in costs.known())
    fallback = devices.find("auto")
    if not gpu:
        return Advice(device=fallback, cpu=cpu, gpu=there, reason=f"{fallback.name}, as no GPU was asked for")
    if not nvcc.gpus():
        return Advice(device=fallback, cpu=cpu, gpu=there, reason=f"{fallback.name}, as there is no NVIDIA GPU here")
    here = nvcc.gpu()
    try:
        nvcc.toolkit()
        if devices.cuda.brian2cuda_version() is None:
            raise RuntimeError(devices.cuda.NO_BRIAN2CUDA)
        costs.check_memory(plan, devices.CUDA, here)
    except RuntimeError as error:
        return Advice(
            device=fallback, cpu=cpu, gpu=there, reason=f"{fallback.name}, although {here.name} is here: {error}"
        )
    device = devices.CUDA if there * GAIN < cpu else fallback
    known = costs.known()[1].measured
    source = (
        f"measured: {known}" if known else "a GPU's costs are assumed, not measured: benchmarks/gpu.py --keep does it"
    )
    return Advice(
        device=device,
        cpu=cpu,
        gpu=there,
        reason=f"{device.name}: about {1000 * there:.3g} ms per image on {here.name}, {1000 * cpu:.3g} ms on one core "
        f"({source})",
    )
