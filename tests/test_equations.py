"""Brian2 text: taken apart, renamed and put together again without a change of meaning; what cannot run is refused."""

from __future__ import annotations

import ast
import dataclasses
import re
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from brian2 import Quantity, amp, get_dimensions, kilogram, meter, ms, mV, second, siemens, volt
from brian2.equations.equations import Equations

from spikehebb import equations as text
from spikehebb.circuits import synapse_pair
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection, Protocol, replicas
from spikehebb.devices import CPP, NUMPY, Device
from spikehebb.encoders import ENCODERS, spike_source
from spikehebb.equations.reserved import why_reserved
from spikehebb.equations.statements import is_linear
from spikehebb.neurons import NEURONS
from spikehebb.protocols import spike_trains
from spikehebb.rules import RULES, stdp_pair
from spikehebb.simulation import simulate
from tests.conftest import NO_COMPILER

BOTH = [NUMPY, pytest.param(CPP, marks=[NO_COMPILER, pytest.mark.compiler])]


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("x += 1", [("x", "+=", "1")]),
        ("x+=1;y=2", [("x", "+=", "1"), ("y", "=", "2")]),
        ("  x -= 1 # a; b = c\n\n\ty *= 2;", [("x", "-=", "1"), ("y", "*=", "2")]),
        ("# nothing; but = this\n", []),
        ("w = int(x <= 3) + int(x == 2)", [("w", "=", "int(x <= 3) + int(x == 2)")]),
        ("w /= x != 1", [("w", "/=", "x != 1")]),
        ("old = y; y = 1 # one; two\nw += old", [("old", "=", "y"), ("y", "=", "1"), ("w", "+=", "old")]),
        ("w += (a +\n   b)", [("w", "+=", "a + b")]),
        ("v > 1 and u <= 2  # or = so", [("", "", "v > 1 and u <= 2")]),
        ("", []),
    ],
)
def test_text_is_taken_apart_whatever_its_comments_hold(code: str, parts: list[tuple[str, str, str]]) -> None:
    assert [(s.variable, s.operator, s.expression) for s in text.statements(code)] == parts


def test_equations_are_written_in_one_line_each() -> None:
    code = """
        dv/dt = (v_rest - v)/tau +  # a leak; and = a current
                I/C : volt (unless refractory)  # in volt : not
        n : integer (constant)
        on : boolean
        g = 2*v : volt (constant over dt)
        A : siemens/meter**2 (shared, constant)
    """
    lines = text.joined(code).splitlines()
    assert lines == [
        "dv/dt = (v_rest - v) / tau + I / C : volt (unless refractory)",
        "n : integer (constant)",
        "on : boolean",
        "g = 2 * v : volt (constant over dt)",
        "A : metre ** -4 * kilogram ** -1 * second ** 3 * amp ** 2 (shared, constant)",
    ]
    again = Equations("\n".join(lines))
    for name, equation in Equations(code).items():
        assert (again[name].type, again[name].dim, again[name].var_type) == (
            equation.type,
            equation.dim,
            equation.var_type,
        )
        assert again[name].flags == equation.flags
    assert text.joined("v = 0; u = 1", "", "w = 2").splitlines() == ["v = 0", "u = 1", "w = 2"]
    assert text.without(code, ["on", "g"]).splitlines() == [lines[0], lines[1], lines[4]]


@pytest.mark.parametrize(
    ("code", "names", "changed"),
    [
        ("v_post += w**2*jump_post", {"w": "w*gain_post"}, "v_post += (w * gain_post) ** 2 * jump_post"),
        ("v_post += jump_post/w", {"w": "w*gain_post"}, "v_post += jump_post / (w * gain_post)"),
        ("v_post -= 1 - w", {"w": "a + b"}, "v_post -= 1 - (a + b)"),
        ("u = -w; x = a*(b*w)", {"w": "-k"}, "u = --k\nx = a * (b * -k)"),
        ("x1 += x10*x1", {"x1": "x1_post"}, "x1_post += x10 * x1_post"),
        ("a = b; b = a", {"a": "b", "b": "a"}, "b = a\na = b"),
        ("exp > exp(exp)", {"exp": "k"}, "k > exp(k)"),
        ("i + N > 3", {"i": "i % 4", "N": "4"}, "i % 4 + 4 > 3"),
        ("2*i", {"i": "i % 4"}, "2 * (i % 4)"),
        ("dx/dt = -x/tau : 1 (constant over dt)\ny = tau*x : 1", {"tau": "tau_pre", "x": "z"}, None),
    ],
)
def test_names_stand_for_names_or_whole_expressions(code: str, names: dict[str, str], changed: str | None) -> None:
    wanted = changed or "dz/dt = -z / tau_pre : 1 (constant over dt)\ny = tau_pre * z : 1"
    assert text.renamed(code, names) == wanted


def test_what_is_set_cannot_stand_for_an_expression() -> None:
    with pytest.raises(ValueError, match=re.escape("'w = 2 * w' cannot set 'w', which stands for 'w * gain'")):
        text.renamed("w = 2*w", {"w": "w*gain"})
    with pytest.raises(ValueError, match="cannot set 'x', which stands for '2'"):
        text.renamed("dx/dt = -x/tau : 1", {"x": "2"})


def test_calls_become_what_a_function_makes_of_them() -> None:
    drawn: list[int] = []

    def draw() -> str:
        drawn.append(len(drawn))
        return f"draw({drawn[-1]})"

    code = "a = rand() - 2*rand(); b = stimulus(t, i + int(rand()))"
    changed = text.renamed(
        code, {"i": "i % 5"}, {"rand": draw, "stimulus": lambda t, column: f"stimulus({t}, ({column}) + i)"}
    )
    assert changed.splitlines() == ["a = draw(0) - 2 * draw(1)", "b = stimulus(t, i % 5 + int(draw(2)) + i)"]
    assert text.calls(code, "rand", "randn") == 3
    assert text.calls("brand = strand*rand2(1)", "rand") == 0


def every_text() -> list[str]:
    values: list[Any] = [*RULES.values(), *NEURONS.values(), *ENCODERS.values()]
    said = {text for value in values for text in vars(value).values() if isinstance(text, str)}
    words = {w for v in values for w in (v.name, v.summary, v.reference, getattr(v, "ties", ""))}
    return sorted(said - words)


def test_nothing_is_computed_in_another_order() -> None:
    """The syntax tree of what is written is that of what was read, for the whole catalogue."""
    checked = 0
    for code in every_text():
        if ":" in code:
            before = [e.expr.code for e in Equations(code).values() if e.expr is not None]
        else:
            before = [line.split("#")[0] for line in code.replace(";", "\n").splitlines() if line.split("#")[0].strip()]
        after = [s.expression if ":" in code else str(s) for s in text.statements(code) if s.expression]
        assert len(before) == len(after), code
        for one, other in zip(before, after, strict=True):
            assert ast.dump(ast.parse(one.strip())) == ast.dump(ast.parse(other)), code
            checked += 1
    assert checked > 150


def test_units_are_spelled_as_equations_can_read_them(rng: np.random.Generator) -> None:
    base, quantities = [meter, kilogram, second, amp], [volt, siemens / meter**2, second**2, volt / second]
    for _ in range(50):
        powers = rng.choice([-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3], len(base))
        parts = [Quantity(1.0, dim=u.dim) ** p for u, p in zip(base, powers, strict=True) if p]  # NumPy 2.2 takes no 0
        quantities.append(np.prod(parts))
    for quantity in quantities:
        declared = f"x : {text.unit_text(quantity)}"
        assert Equations(declared)["x"].dim == get_dimensions(quantity), declared
    assert text.unit_text(3 * mV) == "volt"


@pytest.mark.parametrize("device", BOTH)
def test_a_parameter_can_have_any_unit(device: Device) -> None:
    """A conductance density and a squared time, declared in the program."""
    model = NeuronModel(
        name="unusual",
        summary="",
        equations="y : 1",
        update="y = 1000*(g/g_0) + T2/second**2",
        parameters={"g": 2 * siemens / meter**2, "g_0": 1 * siemens / meter**2, "T2": 3 * second**2},
    )
    circuit = Circuit(name="c", populations={"n": Population(model=model, size=2)}, projections={})
    assert simulate(circuit, Protocol(stimuli={}, duration=2 * ms), device=device).state["n"]["y"].tolist() == [
        2003,
        2003,
    ]


COMMENTED: dict[str, Any] = {
    "pre": "dx1/dt = -x1/tau : 1  # decays; to = 0",
    "pre_spike": "x1 += 1  # up; by = one",
    "post": "n : 1  # counts; spikes",
    "post_spike": "seen = n; n = seen + 1  # old; new = one",
    "synapse": "w : 1  # weight; w = 0.5",
    "on_post": "# potentiation; w += 100\nw += A*x1_pre; w = clip(w, 0, 9) # bounds; w = 0",
    "onset": ("w = w  # stays; w = 7",),
}


@pytest.mark.parametrize("device", BOTH)
def test_comments_may_hold_anything(device: Device) -> None:
    rule = PlasticityRule(
        name="commented", summary="", reference="", parameters={"tau": 20 * ms, "A": 0.5}, **COMMENTED
    )
    plan = spike_trains([[1] * ms], [[5, 9] * ms], duration=12 * ms)
    run = simulate(synapse_pair(rule), plan, device=device, dt=1 * ms)
    wanted = 0.5 + 0.5 * (np.exp(-4 / 20) + np.exp(-8 / 20))
    assert run.weights["synapse"][0, 0] == pytest.approx(wanted, rel=1e-12)
    assert run.state["post"]["n"].tolist() == [2]
    for said in (rule.brian2().pre_reset, rule.brian2().synapses["on_post"], rule.brian2().synapses["model"]):
        assert "#" not in said


@pytest.mark.parametrize("device", BOTH)
def test_neurons_may_have_comments_too(device: Device) -> None:
    model = NeuronModel(
        name="commented",
        summary="",
        equations="dv/dt = -v/tau : 1 (unless refractory)  # leaks; v = 0\nn : 1 # counts; n = 1",
        threshold="v > 1  # fires; v = 1",
        reset="v = 0  # v = 1; not",
        refractory="2*ms  # rests; 3*ms",
        receive="v_post += w*gain_post  # jumps; v = 1",
        onset="v = 0  # anew; v = 3",
        update="n += int(v >= 0.5)  # above; n = 0",
        parameters={"tau": 10 * ms, "gain": 2.0},
    )
    circuit = Circuit(
        name="c",
        populations={"a": Population(model=spike_source, size=1), "b": Population(model=model, size=1)},
        projections={"p": Projection(pre="a", post="b", weights=np.array([[0.4]]))},
    )
    plan = Protocol(stimuli={"a": np.array([[1, 2, 3, 9, np.inf]]).T * 1e-3}, duration=12 * ms)
    run = simulate(circuit, plan, device=device, dt=1 * ms, record=["b"])
    assert len(run.spikes["b"]) == 1  # 0.8 and 0.8; what arrives with the spike is lost at the reset
    assert run.state["b"]["v"][0] == pytest.approx(0.8 * np.exp(-2 / 10))


def a_neuron(**changes: Any) -> NeuronModel:
    fields: dict[str, Any] = {
        "name": "mine",
        "summary": "",
        "equations": "dv/dt = -v/tau : 1\nn : integer\non : boolean\ng : 1 (shared)\nh = 2*v : 1",
        "threshold": "v > 1",
        "reset": "v = 0",
        "receive": "v_post += w",
        "parameters": {"tau": 10 * ms},
    }
    return NeuronModel(**(fields | changes))


def a_rule(**changes: Any) -> PlasticityRule:
    fields: dict[str, Any] = {
        "name": "mine",
        "summary": "",
        "reference": "",
        "parameters": {"tau": 20 * ms, "A": 0.1},
        "pre": "dx1/dt = -x1/tau : 1",
        "pre_spike": "x1 += 1",
        "post": "y1 : 1",
        "on_post": "w += A*x1_pre",
    }
    return PlasticityRule(**(fields | changes))


# Each of these ran into an error of Brian2, NumPy or g++ inside the run, or ran and did something else.
NEURONS_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"threshold": "v"}, "'v' must be true or false"),
    ({"threshold": "0 < v < 1"}, "'0 < v < 1' holds a chain of comparisons, which Brian2 has not"),
    ({"refractory": "5"}, "'5' must be a time"),
    ({"refractory": "rest"}, "uses 'rest', which nothing defines"),
    ({"method": "leapfrog"}, "there is no integration method 'leapfrog'"),
    ({"method": "gsl"}, "there is no integration method 'gsl'"),
    ({"equations": "dv/dt = -v**2/tau : 1"}, "its equations are not linear, so that no method is 'exact'"),
    ({"equations": "dv/dt = -h/tau : 1\nh = v*u : 1\ndu/dt = -u/tau : 1"}, "not linear"),
    ({"equations": "dv/dt = -v/tau + xi*tau**-0.5 : 1"}, "'exact' integrates no noise"),
    (
        {"equations": "dv/dt = -v/tau : 1 (clock-driven)"},
        "in a neuron, .* cannot be 'clock-driven'. .unless refractory.",
    ),
    ({"equations": "v : 1 (linked)"}, "cannot be 'linked'"),
    ({"parameters": {"tau": 10 * ms, "v": 1.0}}, "'v' is one of its parameters and one of its variables"),
    ({"reset": "v %= 2"}, "sets no variable by =, "),
    ({"reset": "v = v if v > 1 else 0"}, "holds IfExp"),
    ({"reset": "v = 3000000000"}, "holds such a constant"),
    ({"reset": "v = 5*V/volt"}, "uses 'V', which nothing defines"),
    ({"reset": "v = xi"}, "uses 'xi'"),
    ({"reset": "v = j"}, "uses 'j'"),
    ({"reset": "v"}, "'v' sets nothing"),
    ({"reset": "tau = 5*ms"}, "sets 'tau', which cannot change"),
    ({"reset": "t = 5*ms"}, "sets 't', which cannot change"),
    ({"reset": "h = 1"}, "sets 'h', which cannot change"),
    ({"reset": "g = 1"}, "sets 'g', which cannot change"),
    ({"reset": "n += 0.5"}, "'n .= 0.5' adds what is no whole number; write 'n = "),
    ({"reset": "n /= 2"}, "adds what is no whole number"),
    ({"reset": "on += 1"}, "adds what is no whole number"),
    ({"reset": "v = q; q = 1"}, "uses 'q', which nothing defines"),
    ({"reset": "long = v; v = long"}, "'long': it is a word of C"),
    ({"reset": "EOF = v; v = EOF"}, "'EOF': the headers of C define it"),
    ({"receive": "w = 0; v_post += w"}, "sets 'w', which cannot change"),
    ({"receive": "v_post += stimulus(t, i)"}, "uses 'stimulus'"),
    ({"receive": "tau_post = 3*ms"}, "sets 'tau_post', which cannot change"),
]
RULES_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"synapse": "w : integer"}, "w must be a number without unit"),
    ({"synapse": "w : 1 (shared)"}, "'w' is shared"),
    ({"synapse": "w : 1\nx1 : 1"}, "'x1' is one of its variables and one of its traces"),
    ({"synapse": "w : 1\ny1_post = w : 1 (summed)", "post": "dy1/dt = -y1/tau : 1"}, "declare no 'y1' for the sum"),
    ({"synapse": "w : 1\nA : 1"}, "'A' is one of its parameters and one of its variables"),
    ({"pre": "dx1/dt = -x1**2/tau : 1"}, "not linear"),
    ({"post": "dS/dt = -S/tau : 1"}, "would take 'S' for SymPy's S"),
    ({"post": "dsum/dt = -sum/tau : 1"}, "would take 'sum' for Python's sum"),
    ({"pre": "x1 : 1 (shared)"}, "sets 'x1', which cannot change"),
    ({"on_post": "A = 2"}, "sets 'A', which cannot change"),
    ({"on_post": "w += stimulus(t, i)"}, "uses 'stimulus'"),
    ({"on_post": "w += xi"}, "uses 'xi'"),
    ({"on_post": "tid = A; w += tid"}, "'tid': Brian2's programs use that name themselves"),
    ({"on_post": "_x = A; w += _x"}, "'_x': Brian2 says: Variable '_x' starts with an underscore"),
    ({"on_post": "z_post = A"}, "'z_post': names that end in _pre or _post"),
    ({"on_pre": "old = A", "on_post": "w += old"}, "uses 'old', which nothing defines"),
    ({"method": "exact", "synapse": "dw/dt = -w**2/tau : 1 (clock-driven)"}, "not linear"),
    ({"epoch": "tau", "update": "w = 0", "update_if": "y1"}, "'y1' must be true or false"),
]


@pytest.mark.parametrize(("changes", "said"), NEURONS_REFUSED)
def test_a_neuron_that_would_fail_in_the_run_is_refused_when_made(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        a_neuron(**changes)


@pytest.mark.parametrize(("changes", "said"), RULES_REFUSED)
def test_a_rule_that_would_fail_in_the_run_is_refused_when_made(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        a_rule(**changes)


NAMES = {
    "a word of C++": "long double new register template this and_eq xor bitor compl constexpr char16_t co_await",
    "the headers of C": "EOF NULL NAN INFINITY RAND_MAX SIGINT M_PI errno stdout INT_MAX BUFSIZ",
    "Brian2's programs": "tid threadIdx neuron_id pow asin int_ size_t idx len source variables N_incoming",
    "word of the Python language": "lambda def yield async",
    "the toolkit's": "replica_seed spikehebb_count",
    "Brian2 uses that name": "t dt i j N xi e inf delay stimulus spike_time not_refractory",
    "Brian2 says": "ms volt exp rand _hidden xi_1 größe",
    "end in _pre or _post": "x_pre gain_post",
}


@pytest.mark.parametrize(
    ("reason", "name"), [(reason, name) for reason, names in NAMES.items() for name in names.split()]
)
def test_a_name_that_some_device_cannot_have_is_refused_when_made(reason: str, name: str) -> None:
    """As a parameter, a variable, a trace, what a synapse keeps, and an intermediate result."""
    declared, value = f"{name} : 1", {"tau": 10 * ms, "A": 0.1, name: 1.0}
    makers: list[Any] = [
        lambda: a_neuron(parameters=value),
        lambda: a_neuron(equations=f"v : 1\n{declared}"),
        lambda: a_neuron(reset=f"{name} = 1; v = 0"),
        lambda: a_rule(parameters=value),
        lambda: a_rule(post=f"y1 : 1\n{declared}"),
        lambda: a_rule(synapse=f"w : 1\n{declared}"),
        lambda: a_rule(on_post=f"{name} = w; w += A"),
    ]
    for make in makers:
        with pytest.raises(ValueError, match=r"mine") as refused:
            make()
        said = str(refused.value)
        assert repr(name) in said or f"'{name} = 1'" in said or "cannot read" in said, said
    with pytest.raises(ValueError, match=re.escape(reason)):
        text.check_names("mine", [name])


def test_every_macro_of_the_headers_is_known() -> None:
    """What this machine's compiler defines beside what was listed."""
    headers = "chrono cmath ctime iostream fstream climits vector random utility cstdlib tuple string set map algorithm"
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ here")
    code = "".join(f"#include <{header}>\n" for header in (*headers.split(), "csignal", "stdint.h", "time.h"))
    command = [compiler, "-std=c++11", "-dM", "-E", "-x", "c++", "-"]
    defined = subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout
    macros = re.findall(r"^#define ([A-Za-z]\w*) ", defined, re.MULTILINE)
    assert len(macros) > 100
    assert not [name for name in macros if not why_reserved(name)]


# Words of Brian2's templates, of C's mathematics and of SymPy that do run.
ALLOWED = """
    S Q E I O C beta gamma zeta sigma size length name shape start stop state index value data min max left right time
    signal clock y0 j1 y1x div rint fabs std target spikes count sum mean event queue thread block NMDA EPSC V F W
"""


@pytest.mark.long
@pytest.mark.parametrize("device", BOTH)
def test_other_names_run_wherever_they_stand(device: Device) -> None:
    kept = [f"{name}s" for name in ALLOWED.split()]
    neuron = a_neuron(
        equations="v : 1\n" + "\n".join(f"d{name}/dt = ({name}0 - {name})/tau : 1" for name in ALLOWED.split()),
        parameters={"tau": 10 * ms, **{f"{name}0": 1.0 for name in ALLOWED.split()}},
        method="rk4",
        threshold=" + ".join(["v", *ALLOWED.split()]) + " > 1e9",
        reset="",
        update="v = " + " + ".join(ALLOWED.split()),
        receive="u = w**2; v_post += u*clip(exp(-w), 0, 1)",
    )
    rule = a_rule(
        synapse="\n".join(["w : 1", *(f"{name} : 1" for name in kept)]),
        on_pre="; ".join(f"{name} += A; w += floor({name}**2)" for name in kept),
    )
    circuit = Circuit(
        name="c",
        populations={"a": Population(model=spike_source, size=1), "b": Population(model=neuron, size=1)},
        projections={"p": Projection(pre="a", post="b", weights=np.array([[0.4]]), rule=rule)},
    )
    plan = Protocol(stimuli={"a": np.array([[1e-3], [np.inf]])}, duration=5 * ms)
    state = simulate(circuit, plan, device=device, dt=1 * ms).state["b"]
    for name in ALLOWED.split():
        assert state[name][0] == pytest.approx(1 - np.exp(-5 / 10), rel=1e-5), name


@pytest.mark.parametrize("name", ["I", "v", "C"])
def test_exact_integration_is_exact_whatever_a_variable_is_called(name: str) -> None:
    """Called E, it was integrated as if it were 2.718."""
    model = NeuronModel(
        name="n",
        summary="",
        equations=f"d{name}/dt = -{name}/tau : 1\ndu/dt = ({name} - u)/tau_u : 1",
        parameters={"tau": 30 * ms, "tau_u": 10 * ms},
    )
    population = Population(model=model, size=1, state={name: 1.0})
    circuit = Circuit(name="c", populations={"b": population}, projections={})
    state = simulate(circuit, Protocol(stimuli={}, duration=5 * ms)).state["b"]
    assert state[name][0] == pytest.approx(np.exp(-5 / 30), rel=1e-12)
    assert state["u"][0] == pytest.approx((np.exp(-5 / 30) - np.exp(-5 / 10)) / (1 - 10 / 30), rel=1e-12)


def test_a_name_that_the_synapse_and_a_neuron_have_is_refused_in_the_circuit() -> None:
    """Brian2 takes one for the other: an intermediate result called like a trace would set the trace."""

    def circuit(neuron: NeuronModel, rule: PlasticityRule) -> Circuit:
        return Circuit(
            name="c",
            populations={"a": Population(model=spike_source, size=1), "b": Population(model=neuron, size=1)},
            projections={"p": Projection(pre="a", post="b", weights=np.ones((1, 1)), rule=rule)},
        )

    circuit(a_neuron(), a_rule())
    said = "projection p: its synapses and the neurons {} both have '{}', and Brian2 would take one for the other"
    for neuron, rule, end, name in (
        (a_neuron(equations="v : 1\nw : 1"), a_rule(), "b", "w"),
        (a_neuron(equations="v : 1\nA : 1"), a_rule(), "b", "A"),
        (a_neuron(), a_rule(on_post="v = w; w += v"), "b", "v"),
        (a_neuron(), a_rule(on_post="y1 = x1_pre; w += y1"), "b", "y1"),
        (a_neuron(), a_rule(synapse="w : 1\nk : 1"), "a", "k"),
        (a_neuron(receive="v = w; v_post += v"), a_rule(), "b", "v"),
    ):
        with pytest.raises(ValueError, match=said.format(end, name)):
            circuit(neuron, rule)


def test_sums_go_into_variables_that_hold_nothing_else() -> None:
    neuron = a_neuron(equations="dv/dt = -v/tau : 1\nz : 1")

    def summing(variable: str) -> Circuit:
        projection = Projection(pre="b", post="b", summed={variable: "v_pre  # of all; = a sum"})
        return Circuit(name="c", populations={"b": Population(model=neuron, size=2)}, projections={"p": projection})

    assert simulate(summing("z"), Protocol(stimuli={}, duration=2 * ms)).state["b"]["z"].tolist() == [0, 0]
    for variable in ("v", "tau", "nope"):
        with pytest.raises(ValueError, match=f"b has no variable '{variable}' to sum into"):
            summing(variable)


@pytest.mark.parametrize("device", BOTH)
def test_a_neuron_keeps_its_parameter_beside_a_rule_that_has_one_of_that_name(device: Device) -> None:
    """The rule's trace has a tau of its own, in the other neuron; as replicas, too."""
    neuron = a_neuron(equations="dv/dt = (1 - v)/tau : 1", threshold="v > 2", reset="", parameters={"tau": 10 * ms})
    circuit = Circuit(
        name="c",
        populations={"a": Population(model=spike_source, size=1), "b": Population(model=neuron, size=1)},
        projections={"p": Projection(pre="a", post="b", weights=np.zeros((1, 1)), rule=a_rule(post="", on_post=""))},
    )
    plan = Protocol(stimuli={"a": np.array([[1e-3], [np.inf]])}, duration=5 * ms)
    for each in (circuit, replicas(circuit, 2)):
        state = simulate(each, plan, device=device, dt=1 * ms).state
        assert np.unique(state["b"]["v"]) == pytest.approx([1 - np.exp(-5 / 10)], rel=1e-12)
        assert np.unique(state["a"]["x1"]) == pytest.approx([np.exp(-3 / 20)], rel=1e-12)


@pytest.mark.parametrize("device", BOTH)
def test_a_condition_may_read_a_parameter_of_the_rule(device: Device) -> None:
    rule = a_rule(
        parameters={"tau": 20 * ms, "A": 0.1, "T": 5 * ms, "least": 1.5},
        post_spike="y1 += 1",
        on_post="",
        update="w += A  # at the end; of an epoch",
        update_if="y1 > least  # often; enough",
        epoch="T",
    )
    plan = spike_trains([[1] * ms] * 2, [[1, 2] * ms, [1] * ms], duration=8 * ms)
    run = simulate(synapse_pair(rule, pairs=2), plan, device=device, dt=1 * ms)
    assert np.diag(run.weights["synapse"]) == pytest.approx([0.6, 0.5])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        *((f"w += {code}", "divides by 0") for code in ("w/0", "w/0.0", "w // 0", "w % 0", "w/(1 - 1)", "w/(w*0)")),
        *(
            (f"w += {code}", "is no finite number")
            for code in ("exp(1e5)*w", "10**400", "9**9**9**9", "log(0)", "0**-1")
        ),
        *((f"w += {code}", "is no finite number") for code in ("sqrt(-1)", "(-1)**0.5", "1e308*10")),
    ],
)
def test_numbers_that_no_device_can_compute_are_refused(code: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(stdp_pair, on_pre=code)
    with pytest.raises(ValueError, match=message):
        NeuronModel(name="n", summary="", equations="w : 1", threshold="w > 1", reset=code)


def test_constants_that_are_numbers_pass() -> None:
    for code in ("w += exp(700)*0", "w += 2**10/3 % 2", "w += 1/(2*ms/second)", "w = clip(w, -inf, inf)", "w += 1/w"):
        assert dataclasses.replace(stdp_pair, on_pre=code)


@pytest.mark.parametrize(
    ("equations", "linear"),
    [
        ("dv/dt = -v/tau : 1", True),
        ("dv/dt = -x/tau : 1\nx = v + 2*g : 1\ng : 1", True),
        ("dv/dt = -v*x/tau : 1\nx = 1 - v : 1", False),
        ("dv/dt = -v*u/tau : 1\ndu/dt = -u/tau : 1", False),
        ("dv/dt = -exp(v)/tau : 1", False),
    ],
)
def test_equations_are_linear_through_what_they_name(equations: str, linear: bool) -> None:
    assert is_linear(equations) == linear
