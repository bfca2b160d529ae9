"""Units of k-winners-take-all, in a circuit that is made by hand: against NumPy's own partition."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb.core import Circuit, Float, NeuronModel, Population, Projection, Protocol
from spikehebb.devices import Device
from spikehebb.encoders import rate_source
from spikehebb.neurons import k_winners_graded_unit, k_winners_unit
from spikehebb.rules import instar
from spikehebb.simulation import simulate

DT, STEP = 1 * ms, 1e-3
INPUTS, UNITS, STEPS = 6, 9, 40
WINNERS = {"binary": 3, "graded": 2, "tied": 4}
LARGER = "int(u_pre > u_post) + int(u_pre == u_post)*int(i < j)"


def k_winners(weights: dict[str, Float]) -> Circuit:
    """Return a layer for each array of weights; all learn by the instar rule."""
    populations, projections = dict[str, Population](), dict[str, Projection]()
    for name, w in weights.items():
        model = k_winners_graded_unit if name == "graded" else k_winners_unit
        populations |= {
            f"{name}_input": Population(model=rate_source, size=INPUTS),
            name: Population(model=model.with_parameters(k=float(WINNERS[name])), size=UNITS),
        }
        rule = instar.with_parameters(eta=10 * Hz)
        projections |= {
            f"to_{name}": Projection(pre=f"{name}_input", post=name, weights=w, rule=rule, summed={"u": "w*x_pre"}),
            f"compare_{name}": Projection(pre=name, post=name, summed={"rank": LARGER}),
        }
    return Circuit(name="k_winners", populations=populations, projections=projections)


def drive(w: Float, x: Float) -> Float:
    """w.x, added up in the same order for every unit, so that equal units tie exactly."""
    return np.asarray((w * x[:, None]).sum(axis=0), float)


def winners(u: Float, k: int) -> Float:
    """1 for the k largest of different numbers."""
    active = np.zeros(len(u))
    active[np.argpartition(u, -k)[-k:]] = 1
    return active


def test_the_k_largest_are_active_and_learn(device: Device) -> None:
    """Of units with the same u those with the smaller index win."""
    rng = np.random.default_rng(4)
    weights = {name: rng.normal(size=(INPUTS, UNITS)) for name in WINNERS}
    weights["tied"] = rng.integers(-8, 9, (INPUTS, 3)).repeat(3, axis=1) / 8  # each unit is there three times
    rows = {name: rng.random((STEPS, INPUTS)) for name in WINNERS}
    rows["tied"] = rng.integers(1, 9, (STEPS, INPUTS)) / 8
    stimuli = {f"{name}_input": given for name, given in rows.items()}
    protocol = Protocol(stimuli=stimuli, duration=STEPS * DT, presentation=DT)
    record = [f"{name}.y" for name in WINNERS]
    run = simulate(k_winners(weights), protocol, device=device, dt=DT, record=record)
    for name, k in WINNERS.items():
        w, seen = weights[name], set[tuple[int, ...]]()
        for n, x in enumerate(rows[name]):
            u = drive(w, x)
            if name == "tied":
                y = np.zeros(UNITS)
                y[np.lexsort((np.arange(UNITS), -u))[:k]] = 1
            else:
                y = winners(u, k) * (u if name == "graded" else 1)
            np.testing.assert_allclose(run.traces[f"{name}.y"][n], y, rtol=1e-9, atol=1e-12, err_msg=f"{name} {n}")
            seen.add(tuple(np.flatnonzero(y)))
            w = w + STEP * 10 * y * (x[:, None] - w)
        np.testing.assert_allclose(run.weights[f"to_{name}"], w, rtol=1e-9, atol=1e-12)
        assert all(len(active) == k for active in seen)
        assert len(seen) > 1, "the winners must change"


def test_as_many_winners_as_units_make_linear_units() -> None:
    rng = np.random.default_rng(5)
    w, x = rng.normal(size=(INPUTS, UNITS)), rng.random((1, INPUTS))
    model = k_winners_graded_unit.with_parameters(k=float(UNITS))
    circuit = Circuit(
        name="all",
        populations={
            "input": Population(model=rate_source, size=INPUTS),
            "output": Population(model=model, size=UNITS),
        },
        projections={
            "feedforward": Projection(pre="input", post="output", weights=w, summed={"u": "w*x_pre"}),
            "compare": Projection(pre="output", post="output", summed={"rank": LARGER}),
        },
    )
    run = simulate(circuit, Protocol(stimuli={"input": x}, duration=DT, presentation=DT), dt=DT, record=["output.y"])
    np.testing.assert_allclose(run.traces["output.y"][0], drive(w, x[0]), rtol=1e-12)


@pytest.mark.parametrize("unit", [k_winners_unit, k_winners_graded_unit], ids=lambda unit: unit.name)
def test_at_least_one_unit_wins(unit: NeuronModel) -> None:
    with pytest.raises(ValueError, match=f"neuron {unit.name}: k is a scale and must be"):
        unit.with_parameters(k=0.0)
