"""How long windows, plastic synapses and replays take, beside NEST where it is installed.

python benchmarks/windows.py --out FILE [--core N] [--pairs 1000000] [--only per_event]
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, ms, second

from spikehebb import devices, jobs, protocols
from spikehebb.circuits import synapse_pair
from spikehebb.core import Circuit, PlasticityRule, Population, Projection, Protocol
from spikehebb.encoders import spike_source
from spikehebb.jobs import stdp_window
from spikehebb.rules import RULES, calcium_dp, clopath, stdp_pair, triplet_vc_full
from spikehebb.simulation import simulate


def timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def program_seconds() -> float:
    """Return the CPU seconds of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def windows(repeats: int) -> list[dict[str, Any]]:
    """Time the window of the issue: 81 lags, 60 pairings at 1 Hz, dt = 0.1 ms."""
    timings = []
    for rule in (stdp_pair, triplet_vc_full, calcium_dp, clopath, RULES["oja"]):

        def run(rule: PlasticityRule = rule) -> None:
            stdp_window(rule, repeats=60, frequency=1 * Hz, device=devices.CPP, dt=0.1 * ms)

        with tempfile.TemporaryDirectory() as cache:
            os.environ["SPIKEHEBB_CACHE"] = cache
            first = timed(run)
            again = [timed(run) for _ in range(repeats)]
        timings.append({"rule": rule.name, "with_compilation_s": first, "built_before_s": again})
        print(f"{rule.name:20} {first:6.2f} s with compilation, {statistics.median(again):5.2f} s built before")
    return timings


def per_event(repeats: int) -> dict[str, Any]:
    """Time a spike that reaches 400 neurons: through static synapses, and through synapses with the pair rule."""
    pre, post, duration = 784, 400, 9.0
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.choice(np.arange(1, 9000), 180, replace=False)) * 1e-3 * second for _ in range(pre)]
    quiet = [np.array([duration + 1e-3 * k]) * second for k in range(post)]  # no postsynaptic spike before the end
    plan = protocols.spike_trains(trains, quiet + [np.array([]) * second] * (pre - post), duration=duration * second)
    stimuli = {"pre": plan.stimuli["pre"], "post": plan.stimuli["post"][:, :post]}
    plan = Protocol(stimuli=stimuli, duration=duration * second)
    weights = np.full((pre, post), 0.5)
    times: dict[str, list[float]] = {}
    # What arrives is added up, so that a static synapse has something to do.
    counting = dataclasses.replace(spike_source, equations="k : integer\ng : 1", receive="g_post += w")
    empty = Protocol(
        stimuli={name: np.full_like(rows, np.inf) for name, rows in stimuli.items()}, duration=plan.duration
    )

    def circuit(rule: PlasticityRule | None) -> Circuit:
        synapses = Projection(pre="pre", post="post", weights=weights, rule=rule)
        populations = {"pre": Population(model=spike_source, size=pre), "post": Population(model=counting, size=post)}
        return Circuit(name="events", populations=populations, projections={"synapses": synapses})

    for _ in range(repeats + 1):
        for name, rule in (("static", None), ("stdp_pair", stdp_pair)):
            for what, protocol in (("spikes", plan), ("silence", empty)):
                before = program_seconds()
                simulate(circuit(rule), protocol, device=devices.CPP, dt=1 * ms)
                times.setdefault(f"{name}_{what}", []).append(program_seconds() - before)
    events = pre * 180 * post
    least = {name: min(each[1:]) for name, each in times.items()}  # the first one may have compiled
    plastic, static = (
        1e9 * (least[f"{name}_spikes"] - least[f"{name}_silence"]) / events for name in ("stdp_pair", "static")
    )
    print(f"an event takes {plastic:.2f} ns by the pair rule, {static:.2f} ns through a static synapse")
    return {"events": events, "seconds_per_run": times, "plastic_ns": plastic, "static_ns": static}


def replays(pairs: int) -> dict[str, Any]:
    """Time the replay of a million spike pairs, spread over independent synapses, here and in NEST."""
    synapses, seconds = 200, 100.0
    spikes = pairs // synapses
    rng = np.random.default_rng(1)
    steps = round(seconds / 1e-4) - 1
    sides = [[np.sort(rng.choice(steps, spikes, replace=False) + 1) * 1e-4 for _ in range(synapses)] for _ in range(2)]
    plan = protocols.spike_trains(
        *[[train * second for train in side] for side in sides], duration=(seconds + 0.1) * second
    )
    circuit = synapse_pair(stdp_pair, pairs=synapses)
    first = timed(lambda: simulate(circuit, plan, device=devices.CPP, dt=0.1 * ms))
    start = time.perf_counter()
    done = simulate(circuit, plan, device=devices.CPP, dt=0.1 * ms)
    again = time.perf_counter() - start
    result: dict[str, Any] = {
        "pairs": spikes * synapses,
        "synapses": synapses,
        "with_compilation_s": first,
        "built_before_s": again,
    }
    print(f"replay of {spikes * synapses} pairs: {again:.2f} s built before, {first:.2f} s with compilation")
    try:
        nest = importlib.import_module("nest")
    except ImportError:
        print("NEST is not installed: pip install nest-simulator")
        return {**result, "nest": None}
    weights, seconds_nest, version = in_nest(nest, sides, seconds)
    largest = float(np.max(np.abs(np.diag(done.weights["synapse"]) - weights)))  # of weights between 0 and 1
    print(f"NEST {version}: {seconds_nest:.2f} s; largest difference of a weight {largest:.1e}")
    return {**result, "nest": {"version": version, "seconds": seconds_nest, "largest_difference": largest}}


def in_nest(nest: Any, sides: list[list[Any]], seconds: float) -> tuple[Any, float, str]:
    """Return the weights after the same trains in NEST, and how long building and simulating took."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    start = time.perf_counter()
    nest.ResetKernel()
    nest.set(resolution=0.1, print_time=False)
    p = stdp_pair.parameters
    # NEST's delay is dendritic: postsynaptic spikes reach the synapse one step late, so they are sent a step early.
    early = [train * 1e3 - 0.1 for train in sides[1]]
    pre = nest.Create("spike_generator", len(sides[0]), [{"spike_times": np.round(t * 1e3, 1)} for t in sides[0]])
    post = nest.Create("spike_generator", len(early), [{"spike_times": np.round(t, 1)} for t in early])
    n_pre, n_post = nest.Create("parrot_neuron", len(sides[0])), nest.Create("parrot_neuron", len(early))
    n_post.tau_minus = float(p["tau_minus"] / ms)
    nest.Connect(pre, n_pre, "one_to_one", {"delay": 0.1})
    nest.Connect(post, n_post, "one_to_one", {"delay": 0.1})
    last = nest.Create("spike_generator", 1, {"spike_times": [1e3 * seconds + 2000.0]})
    nest.Connect(last, n_pre, syn_spec={"delay": 0.1})
    synapse = {
        "synapse_model": "stdp_synapse", "weight": 0.5, "delay": 0.1, "receptor_type": 1, "Wmax": 1.0,
        "lambda": p["A_plus"], "alpha": p["A_minus"] / p["A_plus"], "mu_plus": 0.0, "mu_minus": 0.0,
        "tau_plus": float(p["tau_plus"] / ms),
    }  # fmt: skip
    nest.Connect(n_pre, n_post, "one_to_one", synapse)
    nest.Simulate(1e3 * seconds + 2010.0)
    weights = np.array(nest.GetConnections(n_pre, n_post, synapse_model="stdp_synapse").weight)
    return weights, time.perf_counter() - start, nest.__version__


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--core", type=int)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["windows", "per_event", "replay"], help="one of the three")
    arguments = parser.parse_args()
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})
    content = {
        "command": " ".join(["python", *sys.argv]),
        "versions": jobs.versions(),
        "processor": platform.processor() or platform.machine(),
        "compiler": devices.compiler(),
    }
    parts: dict[str, Callable[[], Any]] = {
        "windows": lambda: windows(arguments.repeats),
        "per_event": lambda: per_event(arguments.repeats),
        "replay": lambda: replays(arguments.pairs),
    }
    content |= {name: part() for name, part in parts.items() if arguments.only in (None, name)}
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
