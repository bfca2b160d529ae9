"""One circuit, one protocol, one device: a recording.

The Brian2 objects of a plan run on NumPy or as a compiled program. Values
(weights, stimuli, parameters, seed, duration) are no part of the program, so that new ones need no compilation.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, ms, second
from numpy.typing import NDArray

from spikehebb import devices
from spikehebb.core import Circuit, Protocol, Recording, Replicas, digest
from spikehebb.core.seeds import check_seed
from spikehebb.devices import Device
from spikehebb.encoders import word_source
from spikehebb.simulation import costs, programs
from spikehebb.simulation.network import build, holder
from spikehebb.simulation.plan import Plan
from spikehebb.simulation.recording import COUNT, counting, recording_of, trace_name
from spikehebb.simulation.replicated_plan import one_protocol, plan_of, values_of


def simulate(
    circuit: Circuit | Replicas,
    protocol: Protocol | Sequence[Protocol],
    *,
    device: Device | str = devices.NUMPY,
    dt: Quantity = 1 * ms,
    seed: int = 0,
    record: Iterable[str] = (),
    every: int = 1,
    progress: programs.Progress | None = None,
) -> Recording:
    """Run a circuit through a protocol.

    Parameters
    ----------
    circuit : Circuit or Replicas
        Replicas, ``replicas(circuit, n)``, run in one simulation.
    protocol : Protocol or sequence of Protocol
        Replicas take one for all, or one for each that all last equally long.
    device : Device or str
    dt : Quantity
        The time step; a presentation lasts a whole number of them.
    seed : int
        Of everything random in the run. Same seed, device and versions: the same result, bit for bit (on a GPU, up to
        rounding). Replica ``k`` of replicas without seeds of their own has ``seed + k``.
    record : iterable of str
        The populations whose spikes are kept (``"output"``) and the recorded variables
        (``"output.u"``, ``"feedforward.w"``), of neurons also those that an equation computes; spike counts are
        kept of all populations.
    every : int
        Record variables at every so many steps.
    progress : callable, optional
        Called with the completed fraction.

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        If protocol and circuit do not fit, or weights leave the range of numbers.
    RuntimeError
        If the device cannot run on this machine, or a compiled program fails.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.circuits import synapse_pair
    >>> from spikehebb.protocols import pairing
    >>> from spikehebb.rules import stdp_pair
    >>> recording = simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms)
    >>> float(recording.weights["synapse"][0, 0].round(6))
    0.503033
    """
    check_seed(seed)
    device = devices.find(device)
    _check_precision(circuit, device)
    plan = plan_of(circuit, protocol, dt=dt, record=record, every=every)
    first = one_protocol(circuit, protocol)
    duration, name = first.duration, (circuit.circuit if isinstance(circuit, Replicas) else circuit).name
    costs.foresee(name, plan, first, device)
    given = values_of(circuit, protocol, plan, seed=seed)
    with devices.interruptible():
        if device is devices.NUMPY:
            run = _on_numpy(plan, given, duration, seed, progress)
        else:
            run = _compiled(plan, given, duration, seed, device, progress)
    return recording_of(
        circuit,
        plan,
        run.arrays,
        end=run.end,
        seed=seed,
        device=device.name,
        dt=dt,
        duration=duration,
        seconds=run.seconds,
    )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The results of a run, by Brian2's names, the simulated second at which it ended, and the seconds that it took."""

    arrays: Mapping[str, NDArray[Any]]
    end: float
    seconds: float


def _check_precision(circuit: Circuit | Replicas, device: Device) -> None:
    """Raise ``ValueError`` if a device's numbers are too short for what neurons count with."""
    populations = (circuit.circuit if isinstance(circuit, Replicas) else circuit).populations
    for name, population in populations.items():
        if device.precision == "single" and population.model.name == word_source.name:
            raise ValueError(
                f"device {device.name}: {name} ({word_source.name}) packs the spikes of a presentation into one number "
                "of 53 bits, and single precision has 24; use cuda."
            )


def prepare(
    circuit: Circuit | Replicas,
    protocol: Protocol | Sequence[Protocol],
    *,
    device: Device | str,
    dt: Quantity = 1 * ms,
    record: Iterable[str] = (),
    every: int = 1,
) -> None:
    """Build what ``simulate`` needs on this device, so that it starts at once; the arguments are the same."""
    device = devices.find(device)
    if device is not devices.NUMPY:
        with devices.interruptible():
            program(plan_of(circuit, protocol, dt=dt, record=record, every=every), device)


def _on_numpy(
    plan: Plan,
    values: Mapping[str, NDArray[Any]],
    duration: Quantity,
    seed: int,
    progress: programs.Progress | None,
) -> _Run:
    report = None if progress is None else lambda elapsed, fraction, start, total: progress(float(fraction))
    # 1/0 is how an encoder says "never"; log(0) cannot occur; what overflows is found in the results
    with devices.numpy_runtime(seed), np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        network, objects = build(plan, values)
        for name, value in values.items():
            owner, variable = name.split(".")
            if held := holder(objects, owner):
                target = held.variables[variable]
                if variable == "w" and len(held) > value.size:  # replicas that share a table
                    value = np.tile(value, len(held) // value.size)
                target.set_value(value if value.size > 1 else value[0])
        start = time.perf_counter()
        network.run(duration, report=report, report_period=0.2 * second, namespace={})
        seconds = time.perf_counter() - start
        arrays = {
            f"{name}.{variable}": np.array(objects[name].variables[variable].get_value())
            for name, variables in _result_variables(plan).items()
            for variable in variables
        }
    return _Run(arrays=arrays, end=float(network.t), seconds=seconds)


def _compiled(
    plan: Plan,
    values: Mapping[str, NDArray[Any]],
    duration: Quantity,
    seed: int,
    device: Device,
    progress: programs.Progress | None,
) -> _Run:
    if devices.on_gpu(device):
        costs.check_gpu_memory(plan, device, devices.nvcc.gpu(), duration=float(duration))
    built = program(plan, device)
    start = time.perf_counter()
    with programs.run(built, duration=float(duration), seed=seed, values=values, progress=progress) as results:
        arrays = {name: _widened(results[name]) for name in _results(plan)}
    return _Run(arrays=arrays, end=results.end, seconds=time.perf_counter() - start)


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    """Return numbers of single precision in double precision, which a recording holds."""
    return array.astype(np.float64) if array.dtype == np.float32 else array


def program(plan: Plan, device: Device, architectures: str = "", *, profile: bool = False) -> programs.Program:
    """Return the compiled program of a plan, built first where the cache lacks it.

    Parameters
    ----------
    plan : Plan
    device : Device or str
        A compiled one.
    architectures : str
        GPUs to compile for, as in ``sm_80,sm_90``; this machine's when left out.
    profile : bool
        Of a GPU: let the program measure its kernels one by one (``profiling_info.txt`` in its results).

    Raises
    ------
    RuntimeError
        If there is no compiler, or it fails.
    """
    if not devices.on_gpu(device):

        def write(folder: Any) -> programs.Files:
            if devices.compiler() is None:
                raise RuntimeError(devices.NO_COMPILER)
            with devices.cpp_project() as project:
                return devices.write_cpp(project, build(plan, device=device)[0], folder, _results(plan))

        return programs.obtain(digest([plan, devices.machine()]), write)
    kit = devices.nvcc.toolkit()
    targets = devices.nvcc.architecture(kit, architectures)

    def write_gpu(folder: Any) -> programs.Files:
        with devices.cuda_project(device, kit) as project:
            network, _objects = build(counting(plan), device=device)
            files = devices.write_cuda(project, network, folder, kit, targets, profile=profile)
        return files | {
            f"spikes_{name}.count": files[f"{name}.{COUNT}"] for name in plan.populations if f"{name}.{COUNT}" in files
        }

    return programs.obtain(digest([plan, devices.machine(device, targets), profile]), write_gpu, compiler="nvcc")


def _results(plan: Plan) -> list[str]:
    """Return the results to read after a run, as ``owner.variable``."""
    return [f"{name}.{variable}" for name, variables in _result_variables(plan).items() for variable in variables]


def _result_variables(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the variables to read after a run."""
    variables = {name: part.variables for name, part in plan.populations.items()}
    variables |= {name: ("w",) for name, part in plan.projections.items() if "w" in part.variables}
    for name, population in plan.populations.items():
        if population.threshold:
            variables[f"spikes_{name}"] = ("count", "i", "t") if name in plan.record else ("count",)
    variables |= {trace_name(trace): (trace.split(".")[1], "t") for trace in plan.traces}
    return variables
