"""What differs from one piece of a chip to the next: gains of neurons, broken synapses."""

from __future__ import annotations

import dataclasses

import numpy as np

from spikehebb import equations
from spikehebb.core import Circuit, Float


def log_normal(rng: np.random.Generator, spread: float, shape: tuple[int, ...]) -> Float:
    """Return log-normal factors of mean 1 and this standard deviation."""
    sigma = np.sqrt(np.log1p(spread**2))
    return np.asarray(np.exp(rng.normal(-(sigma**2) / 2, sigma, shape)), float)


def imperfect(circuit: Circuit, rng: np.random.Generator, *, dropped: float, spread: float) -> Circuit:
    """Return a circuit with the neurons and synapses that a chip really has.

    Parameters
    ----------
    circuit : Circuit
        With the populations ``input`` and ``output``, and the projection ``feedforward``.
    rng : numpy.random.Generator
        Which decides what differs.
    dropped : float
        Share of the synapses that are broken.
    spread : float
        Standard deviation of the factor by which each output neuron takes its input, log-normal with mean 1.
    """
    if "feedforward" not in circuit.projections:
        raise ValueError(f"broken synapses and neurons are those of a projection feedforward; {circuit.name} has none.")
    projections = dict(circuit.projections)
    output, feedforward = circuit.populations["output"], projections["feedforward"]
    intact = rng.random((circuit.populations["input"].size, output.size)) >= dropped
    if dropped:
        projections["feedforward"] = dataclasses.replace(feedforward, connected=intact)
    if spread:
        model, gains = output.model, log_normal(rng, spread, (output.size,))
        if "gain" in model.parameters:  # which is what a neuron takes its input by
            changed = model.with_parameters(gain=gains * model.parameters["gain"])
        else:
            changed = dataclasses.replace(
                model,
                receive=equations.renamed(model.receive, {"w": "w*gain_post"}),
                parameters={**model.parameters, "gain": gains},
            )
        output = dataclasses.replace(output, model=changed)
    populations = {**circuit.populations, "output": output}
    return dataclasses.replace(circuit, populations=populations, projections=projections)
