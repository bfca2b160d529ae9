"""The C++ device's own templates: the same results as with lists of synapses, and what may be done at once."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms, mV

from spikehebb import devices
from spikehebb.circuits import LEARNERS, soft_wta
from spikehebb.core import Circuit, NeuronModel, Population, Projection, Protocol, Recording
from spikehebb.core.replicas import replicas
from spikehebb.devices import cpp, own_templates
from spikehebb.devices.host import compiler_path
from spikehebb.devices.own_templates import POST, PRE, constant, independent
from spikehebb.encoders import poisson, regular
from spikehebb.equations import drawn_below_exp
from spikehebb.neurons import escape_rate, lif
from spikehebb.rules import RULES, combine, normalization, stdp_pair
from spikehebb.simulation import simulate
from spikehebb.simulation.network import explain
from spikehebb.simulation.plan import assemble
from tests.conftest import NO_COMPILER

pytestmark = [pytest.mark.compiler, NO_COMPILER]


def with_lists(monkeypatch: pytest.MonkeyPatch, folder: Path, run: Callable[[], Recording]) -> Recording:
    """Return what a run gives with lists of synapses and queues, as Brian2 has them."""
    with monkeypatch.context() as patch:
        patch.setenv("SPIKEHEBB_CACHE", str(folder))
        patch.setattr(devices, "takes_all_to_all", lambda: False)
        return run()


def network(rng: np.random.Generator, rule: Any, **options: Any) -> Circuit:
    """Return a plastic projection, and one that the network sends back to itself."""
    return Circuit(
        name="network",
        populations={
            "input": Population(model=regular.with_parameters(max_rate=200 * Hz, jitter=0.0), size=70),
            "output": Population(model=lif.with_parameters(jump=1.5 * mV), size=130),
        },
        projections={
            "synapse": Projection(
                pre="input", post="output", weights=rng.uniform(0.2, 0.8, (70, 130)), rule=rule, **options
            ),
            "back": Projection(pre="output", post="output", weights=rng.uniform(0, 0.02, (130, 130)), rule=stdp_pair),
        },
    )


@pytest.mark.first_is_quick
@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (stdp_pair, {}),
        (combine(RULES["triplet_hc_minimal"], normalization), {"delay": 3 * ms}),
        (stdp_pair, {"dendritic_delay": 2 * ms}),
    ],
    ids=["pair", "triplet late", "dendritic"],
)
def test_rows_and_columns_are_lists_of_all_synapses(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    rng: np.random.Generator,
    rule: Any,
    options: dict[str, Any],
    copies: int,
) -> None:
    circuit: Any = network(rng, rule, **options)
    protocol = Protocol(stimuli={"input": rng.uniform(0.05, 1, (3, 70))}, duration=150 * ms, presentation=50 * ms)
    if copies > 1:
        circuit = replicas(circuit, copies)

    def run() -> Recording:
        return simulate(circuit, protocol, device=devices.CPP, dt=0.5 * ms, record=("output",))

    own, listed = run(), with_lists(monkeypatch, tmp_path, run)
    assert len(own.spikes["output"]) > 100
    assert own.spikes["output"].i.tolist() == listed.spikes["output"].i.tolist()
    assert np.array_equal(own.spikes["output"].t, listed.spikes["output"].t)
    for name in ("synapse", "back"):
        np.testing.assert_allclose(own.weights[name], listed.weights[name], rtol=0, atol=1e-12)
        assert np.ptp(own.weights[name]) > 0.05


@pytest.mark.long
def test_sums_are_those_over_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rng: np.random.Generator) -> None:
    circuit = LEARNERS["lif_wta"].circuit(30, 50, rng=rng, parameters={"inhibition": "lateral"})
    rows = rng.uniform(0, 0.4, (4, 30))
    protocol = Protocol(stimuli={"input": rows}, duration=400 * ms, presentation=100 * ms)

    def run() -> Recording:
        return simulate(circuit, protocol, device=devices.CPP, record=("output", "average.m"))

    own, listed = run(), with_lists(monkeypatch, tmp_path, run)
    assert own.counts["output"].sum() > 10
    assert own.counts["output"].tolist() == listed.counts["output"].tolist()
    np.testing.assert_allclose(own.traces["average.m"], listed.traces["average.m"], rtol=1e-12, atol=0)


@pytest.mark.long
def test_a_softmax_is_drawn_as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Other random numbers, the same distribution: each neuron's share of the spikes is its softmax."""
    weights = np.linspace(0, 0.02, 10) * np.ones((5, 1))
    circuit = soft_wta(weights, rule=None, temperature=0.05, tau_m=10 * ms, rate=400 * Hz)
    protocol = Protocol(stimuli={"input": np.full((40, 5), 0.4)}, duration=40_000 * ms, presentation=1000 * ms)

    def run() -> Recording:
        return simulate(circuit, protocol, device=devices.CPP, seed=3)

    own, listed = (recording.counts["output"] for recording in (run(), with_lists(monkeypatch, tmp_path, run)))
    assert own.sum() > 15_000
    spread = np.sqrt(own + listed)
    assert np.abs((own - listed) / spread).max() < 4
    assert own[-1] > 1.2 * own[0]


def test_random_numbers_of_one_condition_are_independent() -> None:
    """Two draws in a condition, of neighbouring neurons and of one neuron in two steps."""
    model = NeuronModel(
        name="twice", summary="", equations="v : 1", threshold="rand() < 0.5 and rand() < 0.5", reset="v = 0"
    )
    circuit = Circuit(name="twice", populations={"p": Population(model=model, size=2000)}, projections={})
    spikes = simulate(circuit, Protocol(stimuli={}, duration=200 * ms), device=devices.CPP, record=("p",)).spikes["p"]
    fired = np.zeros((200, 2000))
    fired[np.round(spikes.t / ms).astype(int), spikes.i] = 1
    assert abs(fired.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / fired.size)
    centred = fired - 0.25
    for one, other in ((centred[1:], centred[:-1]), (centred[:, 1:], centred[:, :-1])):
        assert abs((one * other).mean()) < 4 * 0.25 * 0.75 / np.sqrt(one.size)
    assert 0.8 < fired.sum(axis=0).var() / (200 * 0.25 * 0.75) < 1.2


@pytest.mark.long
def test_a_bound_decides_what_the_condition_would(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    circuit = soft_wta(np.linspace(0, 0.02, 70) * np.ones((5, 1)), rule=None, temperature=0.05, rate=900 * Hz)
    protocol = Protocol(stimuli={"input": np.full((4, 5), 0.4)}, duration=4000 * ms, presentation=1000 * ms)

    def run() -> Any:
        return simulate(circuit, protocol, device=devices.CPP, record=("output",)).spikes["output"]

    bounded = run()
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path))
    monkeypatch.setattr(own_templates, "drawn_below_exp", lambda text: False)
    plain = run()
    assert len(plain) > 2000
    assert bounded.i.tolist() == plain.i.tolist()
    assert np.array_equal(bounded.t, plain.t)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (escape_rate.threshold, True),
        (f"_cond = ({escape_rate.threshold}) and not_refractory", True),
        ("_cond = rand() < exp(u)", True),
        ("_cond = rand() < 2*(exp(u)*3)", True),
        ("_cond = rand() < 1 - exp(-u)", False),
        ("_cond = rand() < exp(u)/2", False),
        ("_cond = rand() <= exp(u)", False),
        ("_cond = exp(u) < rand()", False),
        ("_cond = rand() < exp(u) or v > 1", False),
        ("_cond = not (rand() < exp(u))", False),
        ("_cond = rand() < exp(u) and exp(v) < 1", False),
        ("_cond = rand() < u", False),
    ],
)
def test_what_a_bound_may_decide(text: str, expected: bool) -> None:
    assert drawn_below_exp(text) == expected


def test_functions_of_programs_are_those_of_numpy(tmp_path: Path, rng: np.random.Generator) -> None:
    """Exponentials and powers of the header, several at once; a bound from above."""
    names = {"exp": "exp(x[k])", "above_exp": "above_exp(x[k])", "pow": "pow(x[k], y[k])"}
    loops = "".join(
        f'extern "C" void {name}_of(const double* x, const double* y, double* z, long n)\n'
        f"{{ for (long k = 0; k < n; k++) z[k] = spikehebb::{call}; }}\n"
        for name, call in names.items()
    )
    (tmp_path / "loops.cpp").write_text(f'#include "{own_templates.TEMPLATES / own_templates.SUPPORT}"\n{loops}')
    flags = f"{cpp.NATIVE} {cpp.FLAGS} {cpp.STEPS} -shared -fPIC"
    command = [str(compiler_path()), *flags.split(), "loops.cpp", "-o", "loops.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "loops.so"))

    def of(name: str, x: Any, y: Any = None) -> Any:
        x, z = np.array(x, float), np.empty(len(x))
        y = np.array(x if y is None else y, float)
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (x, y, z))
        getattr(library, f"{name}_of")(*pointers, ctypes.c_long(len(x)))
        return z

    x = rng.uniform(-700, 700, 10_001)
    np.testing.assert_allclose(of("exp", x), np.exp(x), rtol=3e-16)
    ratio = of("above_exp", x) / np.exp(x)
    assert ratio.min() > 1
    assert ratio.max() < 1.07
    assert np.isinf(of("above_exp", [710, 1e9])).all()
    bases, exponents = np.exp(rng.uniform(-30, 30, 10_001)), rng.uniform(-4, 4, 10_001)
    np.testing.assert_allclose(of("pow", bases, exponents), bases**exponents, rtol=1e-13)
    tables = np.meshgrid(
        [-np.inf, -2.5, -1, -0.5, 0, 0.5, 1, 3, np.inf, np.nan], [-3, -2, -0.5, 0, 0.7, 1, 2, 3, np.nan]
    )
    base, exponent = (table.ravel() for table in tables)
    with np.errstate(all="ignore"):
        expected = base**exponent
    defined = ~((np.isinf(base) & (base < 0)) & (exponent != np.rint(exponent)))  # the C library has no NaN there
    np.testing.assert_allclose(of("pow", base, exponent)[defined], expected[defined], rtol=1e-14)


def test_poisson_spikes_come_at_their_rates() -> None:
    circuit = Circuit(
        name="noise",
        populations={"input": Population(model=poisson.with_parameters(max_rate=100 * Hz), size=300)},
        projections={},
    )
    rates = np.linspace(0, 1, 300)
    protocol = Protocol(stimuli={"input": np.tile(rates, (4, 1))}, duration=20_000 * ms, presentation=5000 * ms)
    counts = simulate(circuit, protocol, device=devices.CPP).counts["input"]
    assert counts[0] == 0
    expected = 2000 * rates[1:]
    assert abs(np.mean((counts[1:] - expected) ** 2 / (expected * (1 - rates[1:] * 0.1))) - 1) < 0.35


def test_what_depends_on_its_order_is_not_done_at_once() -> None:
    with devices.cpp_project():
        group = brian2.NeuronGroup(5, "u : 1\nx : 1")
        synapses = brian2.Synapses(group, group, "w : 1\nboth = w*u_post : 1")
        variables, indices = synapses.variables, synapses.variables.indices
        known = {name: variables[name] for name in (*variables, "u_post", "u_pre", "x_pre", "x_post")}
        known |= brian2.core.functions.DEFAULT_FUNCTIONS
        where = {name: indices[name] for name in known if not hasattr(known[name], "pyfunc")}

        def free(code: str, neuron: str = POST) -> bool:
            return independent(code, known, where, neuron)

        assert free("u_post += w")
        assert free("w = clip(w + x_pre*u_post, 0, 1)")
        assert free("w += u_post", PRE)
        assert not free("u_pre += w")  # all into one neuron
        assert free("u_pre += w", PRE)
        assert not free("u_post += w*u_pre")  # which may be the same neuron
        assert not free("w += rand()")  # in turn
        assert not free("w += both")  # what that reads is not looked into

        def kept(code: str, neuron: str = POST) -> list[str]:
            return [variable.name for variable in constant(code, known, where, neuron)]

        assert kept("w += x_pre - u_post*w") == ["u"]
        assert kept("w += x_pre - u_post*w", PRE) == ["x"]
        assert kept("w += x_pre*u_post; u_pre += w") == []  # which may be the same neuron


def test_a_report_says_which_way_projections_take(rng: np.random.Generator) -> None:
    circuit = network(rng, stdp_pair)
    protocol = Protocol(stimuli={"input": np.ones((1, 70))}, duration=50 * ms, presentation=50 * ms)
    assert explain(assemble(circuit, protocol, dt=1 * ms)) == dict.fromkeys(
        ("synapse", "back"), "rows and columns, all to all"
    )
    late = network(rng, stdp_pair, delay=rng.integers(1, 5, (70, 130)) * ms)
    assert explain(assemble(late, protocol, dt=1 * ms))["synapse"] == (
        "lists of synapses, since each synapse has a delay of its own"
    )
    resting = soft_wta(np.ones((70, 3)), rule=None)
    assert explain(assemble(resting, protocol, dt=1 * ms))["feedforward"] == "rows of resting weights"
