"""Brian2 text: taken apart, renamed and put together again without a change of meaning; what cannot run is refused."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import pytest
from brian2 import Quantity, amp, get_dimensions, kilogram, meter, ms, mV, second, siemens, volt
from brian2.equations.equations import Equations

from spikehebb import equations as text
from spikehebb.circuits import synapse_pair
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection, Protocol
from spikehebb.devices import CPP, NUMPY, Device
from spikehebb.encoders import ENCODERS, spike_source
from spikehebb.neurons import NEURONS
from spikehebb.protocols import spike_trains
from spikehebb.rules import RULES
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
        quantities.append(np.prod([Quantity(1.0, dim=u.dim) ** p for u, p in zip(base, powers, strict=True)]))
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
