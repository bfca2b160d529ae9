"""A network of your own
=====================

A rule and a circuit learn digits, here and from a shell::

    python examples/14_own_network.py [FOLDER]
    spikehebb learn --data digits --neurons 100 --epochs 3 --circuit examples/14_own_network.py:column --out runs/own
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import Hz, ms

from spikehebb import plot
from spikehebb.circuits import Learner
from spikehebb.core import Circuit, PlasticityRule, Population, Projection
from spikehebb.datasets import load
from spikehebb.encoders import regular
from spikehebb.jobs import Settings, evaluate, learn_digits, read
from spikehebb.neurons import escape_rate, log_sum_exp

pull = PlasticityRule(  # towards the input x1 of a neuron that fires, and shorter by what the weights gave
    name="pull",
    pre="dx1/dt = -x1/tau : 1",
    pre_spike="x1 += 1",
    needs_post="u : 1",
    on_post="w += eta*(x1_pre - u_post*w)",
    parameters={"eta": 0.003, "tau": 10 * ms},
)


def column(inputs: int, neurons: int, *, rng: np.random.Generator, temperature: float = 0.1) -> Circuit:
    """Return neurons that compete for every spike; --set changes what has a default."""
    weights = 3 * np.abs(rng.standard_normal((inputs, neurons))) / np.sqrt(inputs)
    unit = escape_rate.with_parameters(tau_m=10 * ms, temperature=temperature, rate=400 * Hz)
    return Circuit(
        name="column",
        populations={
            "input": Population(model=regular, size=inputs),
            "output": Population(model=unit, size=neurons),
            "inhibition": Population(model=log_sum_exp, size=1),
        },
        projections={
            "feedforward": Projection(pre="input", post="output", weights=weights, rule=pull),
            "excite": Projection(pre="output", post="inhibition", summed={"Z": "exp(u_pre/temperature_pre - I_post)"}),
            "inhibit": Projection(pre="inhibition", post="output", summed={"I": "I_pre"}),
        },
    )


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/own")
    train, test = load("digits", "train"), load("digits", "test")
    own = Learner(name="column", summary="Soft winner-take-all", start=column)
    run = learn_digits(train, test, Settings(circuit=own, neurons=100, epochs=3), out=out, overwrite=True)
    again = evaluate(read(out, circuit=own), test)["metrics"]["accuracy_vote"]
    print(f"{100 * run.report['metrics']['accuracy_vote']:.1f} % of the digits are right, then {100 * again:.1f} %")
    plot.save(plot.circuit(run.network.circuit()), out / "circuit.png")
