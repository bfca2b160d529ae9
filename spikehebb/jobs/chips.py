"""Trained networks as a chip would have them: whether they fit, what they become in its numbers, what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, ms

from spikehebb import convert, devices, metrics
from spikehebb.checkpoint import Checkpoint
from spikehebb.convert import network_file
from spikehebb.core import Circuit, Images, Protocol, Recording
from spikehebb.core.progress import Progress
from spikehebb.devices import Device
from spikehebb.hardware import Target, check, split
from spikehebb.jobs import evaluate, presenting
from spikehebb.jobs.convert_softhebb import evaluate_converted
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.quantizing import limits_of
from spikehebb.jobs.saved import describe, versions
from spikehebb.metrics import Plasticity, Workload
from spikehebb.simulation.present import simulate_dealt
from spikehebb.softhebb import model_file

STATE_BITS = 32  # of a neuron's variables, where a footprint is told
_ARITHMETIC = ("int8_45nm", "int32_45nm", "float32_45nm")


def check_network(trained: Checkpoint, target: Target, *, learning: bool = False) -> dict[str, Any]:
    """Return what keeps a trained network from a chip, and the cores that it takes.

    Parameters
    ----------
    trained : Checkpoint
        From ``load_network``: of digits or converted. A converted network that is too large to have neurons at every
        position is checked layer by layer, and its cores are not counted.
    target : Target
    learning : bool
        Whether the network is to go on learning there.

    Returns
    -------
    dict
        ``problems``, each with its place, limit, sentence and whether it is enforced; ``enforced``, their number;
        ``cores`` (None where they were not counted), ``shares`` and ``remarks``.

    Raises
    ------
    ValueError
        If the network does not spike or, with ``learning``, does not learn in spikes.
    """
    circuits, dt, remarks = circuits_of(trained, learning=learning)
    problems = [
        {"where": where, **vars(problem)}
        for where, circuit in circuits.items()
        for problem in check(circuit, target, dt=dt)
    ]
    whole = len(circuits) == 1 and "" in circuits
    found = split(circuits[""], target) if whole else None
    return {
        "kind": "check",
        "target": target.name,
        "limits": limits_of(target),
        "problems": problems,
        "enforced": sum(problem["enforced"] for problem in problems),
        "cores": None if found is None else found.cores,
        "shares": [] if found is None else [vars(share) for share in found.shares],
        "remarks": list(remarks),
    }


def evaluate_on(
    trained: Checkpoint,
    test: Images,
    target: Target,
    *,
    device: Device | None = None,
    replicas: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a trained network, and count what it costs: on a chip and in bare arithmetic.

    Parameters
    ----------
    trained : Checkpoint
        From ``load_network``: of digits or converted.
    test : Images
    target : Target
        The network runs as it is; quantize it first to see what the chip's numbers do to its accuracy.
    device, replicas, progress
        See ``evaluate``.

    Returns
    -------
    dict
        As ``evaluate`` returns, and ``hardware``: footprint, sparsities, the workload per image, energy by table, and
        for digits ``learning``, what it would cost to learn from the same spikes.

    Raises
    ------
    ValueError
        If the network does not spike.
    """
    tell = progress or presenting.quiet
    if trained.header["kind"] == network_file.KIND:
        evaluation = _evaluate_lif if _is_lif(trained) else _evaluate_converted
        return evaluation(trained, test, target, device, tell, replicas)
    _spiking(trained)
    settings, frozen = evaluate.trained_circuit(trained)
    fired: dict[str, Any] = {}

    def watch(recording: Recording) -> None:
        for name, counts in recording.counts.items():
            fired[name] = fired.get(name, 0) + counts

    result = evaluate.evaluate(trained, test, device=device, replicas=replicas, progress=tell, watch=watch)
    steps = len(test) * round(settings.presentation_ms / settings.dt_ms)
    count: dict[str, Any] = {"counts": fired, "steps": steps, "dt": settings.dt_ms / 1000, "presentations": len(test)}
    work = metrics.count_work(frozen, **count).per_presentation()
    learning = _plastic(trained)
    if settings.target:
        learning = settings.constrained(learning, settings.seed).circuit
    plastic = metrics.count_work(learning, **count).per_presentation()
    found = check_network(trained, target)
    result["hardware"] = {
        **_sizes(frozen, target),
        **_fit(found),
        **_costs(work, target),
        "learning": {"plasticity": plastic.as_json()["plasticity"], **_energy(plastic, target)},
    }
    return result


def circuits_of(
    trained: Checkpoint, *, learning: bool = False
) -> tuple[Mapping[str, Circuit], Quantity, tuple[str, ...]]:
    """Return the circuit of a trained network under the name "", or those of its layers; its time step; remarks."""
    _spiking(trained)
    if trained.header["kind"] == "digits":
        settings, frozen = evaluate.trained_circuit(trained)
        return {"": _plastic(trained) if learning else frozen}, settings.dt_ms * ms, ()
    if learning:
        raise ValueError("a converted network does not learn; check it without --learning.")
    model, network = network_file.from_checkpoint(trained)
    dt = network.timing.dt_ms * ms
    if _is_lif(trained):
        return {"": convert.lif_network(model, network)}, dt, ("in its LIF form",)
    try:
        return {"": convert.unrolled(network)}, dt, network.remarks
    except (MemoryError, ValueError) as error:
        columns = {f"layer{number}": stage.circuit for number, stage in enumerate(network.stages)}
        return columns, dt, (*network.remarks, f"checked layer by layer, cores not counted: {error}")


def _spiking(trained: Checkpoint) -> None:
    kind = trained.header["kind"]
    if kind == model_file.KIND:
        raise ValueError("a SoftHebb network of rates has no spikes; convert it first (spikehebb convert).")


def _plastic(trained: Checkpoint) -> Circuit:
    """Return the circuit of a digit network that goes on learning, without a chip's limits."""
    settings, arrays = Settings(**trained.header["config"]), trained.arrays
    bias = np.asarray(arrays["bias"]) if "bias" in arrays else None
    return settings.circuit(np.asarray(arrays["weights"]), bias)


def _is_lif(trained: Checkpoint) -> bool:
    return trained.header["conversion"].get("lif") is not None


def _evaluate_lif(
    trained: Checkpoint, test: Images, target: Target, device: Device | None, tell: Progress, replicas: int | None
) -> dict[str, Any]:
    """Score the LIF form of a converted network: the class of the neuron that fires most, as the conversion did."""
    model, network = network_file.from_checkpoint(trained)
    timing, circuit = network.timing, convert.lif_network(model, network)
    if test.image_shape != network.image_shape:
        raise ValueError(f"the network takes images of {network.image_shape}, but {test.name} has {test.image_shape}.")
    chosen = device or devices.find(str(network.header.get("device", "auto")))
    seed, winners, seconds = int(network.header.get("seed", 0)), [], 0.0
    fired: dict[str, Any] = {}
    rows = test.intensities().reshape(len(test), -1).astype(float)
    for number, start in enumerate(range(0, len(test), presenting.CHUNK)):
        part = rows[start : start + presenting.CHUNK]
        length = timing.present_ms * ms
        recording = simulate_dealt(
            circuit,
            Protocol(stimuli={"input": part}, duration=len(part) * length, presentation=length),
            replicas=replicas,
            device=chosen,
            dt=timing.dt_ms * ms,
            seed=convert.seed_of(seed, 4) % 2**31 + number,
            record=("output",),
        )
        counts = metrics.presentation_counts(
            recording.spikes["output"],
            neurons=circuit.populations["output"].size,
            presentations=len(part),
            presentation=length,
        )
        winners.append(np.asarray(counts.argmax(axis=1)).ravel())
        seconds += recording.seconds
        for name, found in recording.counts.items():
            fired[name] = fired.get(name, 0) + found
        tell("testing", (start + len(part)) / len(test))
    labels = np.asarray(network.header["lif"]["labels"])
    work = metrics.count_work(
        circuit, counts=fired, steps=len(test) * timing.steps, dt=timing.dt_ms / 1000, presentations=len(test)
    ).per_presentation()
    return {
        "kind": "evaluation",
        "config": dict(network.header["lif"]),
        "versions": versions(),
        "seed": seed,
        "device": chosen.name,
        "data": {"test": describe(test)},
        "metrics": {
            "accuracy_vote": metrics.accuracy(labels[np.concatenate(winners)], np.asarray(test.labels)),
            "spikes_per_image": work.spikes,
            "ms_per_image": 1000 * seconds / len(test),
        },
        "hardware": {
            **_sizes(circuit, target),
            **_fit(check_network(trained, target)),
            **_costs(work, target),
            "remarks": ["in its LIF form"],
        },
    }


def _evaluate_converted(
    trained: Checkpoint, test: Images, target: Target, device: Device | None, tell: Progress, replicas: int | None
) -> dict[str, Any]:
    """Score a converted network and count what its run records: spikes and operations, by layer."""
    model, network = network_file.from_checkpoint(trained)
    result = evaluate_converted(model, network, test, device=device, replicas=replicas, progress=tell)
    scores, size = result["metrics"], convert.size(network)
    inputs = int(np.prod(network.image_shape))
    neurons, steps = size.unrolled_neurons - inputs, network.timing.window
    work = Workload(
        steps=steps,
        presentations=1,
        spikes=scores["spikes_per_image"],
        input_spikes=0.0,
        activation_sparsity=1 - scores["spikes_per_image"] / ((neurons + inputs) * steps),
        dense=float(size.unrolled_synapses) * steps,
        effective_ac=scores["operations_per_image"],
        effective_mac=0.0,
        neuron_updates=float(neurons) * steps,
        plasticity=Plasticity(),
        per_projection={},
    )
    weights = target.value("weight_bits") or STATE_BITS
    result["hardware"] = {
        "target": target.name,
        "footprint": {"weights": size.unrolled_synapses * weights / metrics.static.BYTE, "weight_bits": weights},
        **_costs(work, target),
        "remarks": [
            "every position has neurons and synapses of its own",
            "spikes are those of inputs and layers together; inhibition, pooling and readout are not counted",
        ],
    }
    return result


def _sizes(circuit: Circuit, target: Target) -> dict[str, Any]:
    bits = target.value("weight_bits") or STATE_BITS
    size = metrics.footprint(circuit, weight_bits=bits, state_bits=STATE_BITS)
    return {
        "target": target.name,
        "footprint": metrics.static.as_json(size),
        "connection_sparsity": metrics.connection_sparsity(circuit),
        "fan_in": {name: int(degree["in"].max()) for name, degree in metrics.degrees(circuit).items()},
        "fan_out": {name: int(degree["out"].max()) for name, degree in metrics.degrees(circuit).items()},
    }


def _fit(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"cores": found["cores"], "problems": len(found["problems"]), "enforced_problems": found["enforced"]}


def _costs(work: Workload, target: Target) -> dict[str, Any]:
    return {"per_image": work.as_json(), **_energy(work, target)}


def _energy(work: Workload, target: Target) -> dict[str, Any]:
    names = [name for name in (target.name, *_ARITHMETIC) if name in metrics.TABLES]
    estimates = {name: metrics.estimate_energy(work, metrics.find_costs(name)) for name in names}
    return {"energy_per_image": {name: found.as_json() for name, found in estimates.items()}}
