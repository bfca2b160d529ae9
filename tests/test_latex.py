"""Equations are typeset from the text that runs: as it is written, and so that a reader of LaTeX takes it."""

from __future__ import annotations

import pytest
from matplotlib.mathtext import MathTextParser

from spikehebb import equations as text
from spikehebb.core import PlasticityRule, typeset
from spikehebb.neurons import NEURONS
from spikehebb.rules import RULES


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (
            "dv/dt = -(v - v_rest)/tau_m : volt",
            r"\frac{\mathrm{d} v}{\mathrm{d} t} = -\frac{v - v_{\mathrm{rest}}}{\tau_{m}}",
        ),
        ("w -= a - (b - c)", r"w \leftarrow w - \left(a - \left(b - c\right)\right)"),
        ("w *= 1 + a", r"w \leftarrow w\,\left(1 + a\right)"),
        ("w = a + (b + c) + -d", r"w \leftarrow a + b + c + \left(-d\right)"),
        (
            "w = (a + b)**2/x_pre**mu",
            r"w \leftarrow \frac{\left(a + b\right)^{2}}{\left(x^{\mathrm{pre}}\right)^{\mu}}",
        ),
        ("w = a*-b*2", r"w \leftarrow a\,\left(-b\right) \cdot 2"),
        ("w = clip(w, 0*volt, inf*volt)", r"w \leftarrow \left[w\right]_{+}"),
        ("w = clip(w, 0, w_max)", r"w \leftarrow \operatorname{clip}\left(w,\ 0,\ w_{\mathrm{max}}\right)"),
        ("w += 1e-6*int(c > 2*mV)", r"w \leftarrow w + 1 \cdot 10^{-6}\,\mathbf{1}\!\left[c > 2\,\mathrm{mV}\right]"),
        (
            "w = randn()*sqrt(dt)*exp(-abs(t))",
            r"w \leftarrow \mathcal{N}(0, 1)\,\sqrt{\Delta t}\,\exp\left(-\left|t\right|\right)",
        ),
        ("v > 1 and not u <= 2", r"v > 1 \wedge \neg \left(u \leq 2\right)"),
        ("s_post = w*x_pre : 1 (summed)", r"s^{\mathrm{post}} = \sum w\,x^{\mathrm{pre}}"),
    ],
)
def test_text_becomes_latex(code: str, line: str) -> None:
    assert text.latex(code) == (line,)


def test_declarations_say_nothing() -> None:
    assert text.latex("w : 1\nfired : second") == ()


def test_a_side_is_named_only_where_it_must_be() -> None:
    lines = typeset(RULES["stdp_pair"])
    assert list(lines) == ["at all times", "at a presynaptic spike", "at a postsynaptic spike"]
    assert lines["at a presynaptic spike"][1] == r"x_{1} \leftarrow x_{1} + 1"
    both = RULES["hebb"]  # dw/dt = eta*x_pre*y_post
    assert typeset(both)["at all times"][-1].endswith(r"\eta\,x\,y")
    clash = PlasticityRule(
        name="c",
        summary="",
        reference="",
        parameters={},
        needs_pre="s : 1",
        needs_post="s : 1",
        on_pre="w += s_pre*s_post",
    )
    line = r"w \leftarrow w + s^{\mathrm{pre}}\,s^{\mathrm{post}}"
    assert typeset(clash)["at a presynaptic spike"] == (line,)


@pytest.mark.long
def test_every_equation_of_the_catalogue_can_be_read() -> None:
    parser = MathTextParser("path")
    rules, neurons = list(map(typeset, RULES.values())), list(map(typeset, NEURONS.values()))
    assert all(rules)
    for groups in (*rules, *neurons):
        for line in (line for lines in groups.values() for line in lines):
            parser.parse(f"${line}$".replace(r"\operatorname{clip}", r"\mathrm{clip}").replace(r"\!", ""))
