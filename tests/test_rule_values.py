"""What a rule refuses to be, and what it cites."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb.circuits import synapse_pair
from spikehebb.core import PlasticityRule, Reference
from spikehebb.devices import Device
from spikehebb.equations import did_you_mean
from spikehebb.protocols import spike_trains
from spikehebb.rules import RULES, stdp_pair
from spikehebb.rules.references import REFERENCES, cite
from spikehebb.simulation import simulate


def a_rule(**changes: Any) -> PlasticityRule:
    return PlasticityRule(
        **{"name": "mine", "summary": "s", "reference": "r", "parameters": {"tau": 1 * ms}, **changes}
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"synapse": "v : 1"}, "rule mine has no weight: its synapse equations must declare 'w'"),
        ({"synapse": "w : volt"}, "rule mine: w must be a number without unit"),
        ({"on_pre": "w += q"}, "rule mine uses 'q', which nothing defines"),
        ({"on_pre": "w += tau"}, "units clash in 'w \\+= tau'"),
        ({"update": "w += tau"}, "units clash in 'w \\+= tau'"),
        ({"onset": ("w = tau",)}, "units clash in 'w = tau'"),
        ({"synapse": "dw/dt = 1 : 1 (clock-driven)"}, "units clash: 'dw/dt' must be a frequency, but '1' is not"),
        ({"parameters": {"C_pre": 1.0}}, "cannot call a variable or parameter 'C_pre': names that end in _pre"),
        ({"parameters": {"ms": 1.0}}, "'ms': Brian2 says: 'ms' is the name of a unit"),
        ({"parameters": {"t": 1 * ms}}, "'t': Brian2 uses that name itself"),
        ({"parameters": {"lambda": 1.0}}, "'lambda': it is a word of the Python language"),
        ({"parameters": {"exp": 1.0}}, "'exp' is the name of a function"),
        ({"synapse": "w : 1\nz_pre = w : 1 (summed)"}, "sums into z_pre, but its pre equations declare no 'z'"),
        ({"keeps": ("x",)}, "keeps 'x', which neither side declares"),
        ({"lag": "D"}, "its lag 'D' must be a parameter that is a time"),
        (
            {"lag": "late", "parameters": {"tau": 1 * ms, "late": -1 * ms}},
            "late is a duration and must be",
        ),
    ],
)
def test_a_rule_refuses_text_that_cannot_run(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        a_rule(**changes)


def test_every_rule_cites_a_work_with_a_bibtex_entry() -> None:
    for rule in RULES.values():
        assert rule.cites, rule.name
        for work in rule.cites:
            assert REFERENCES[work.key] is work


def test_a_work_that_is_missing_is_asked_for() -> None:
    said = r"there is no work 'song2001'; add it to spikehebb/rules/references\.toml\. Did you mean 'song2000'\?"
    with pytest.raises(ValueError, match=said):
        cite("oja1982", "song2001")


def test_works_as_text_and_as_bibtex() -> None:
    song = cite("song2000")[0]
    assert str(song) == "Song, Miller and Abbott, Nature Neuroscience 3:919-926, 2000"
    assert song.bibtex().splitlines()[0] == "@article{song2000,"
    assert "  pages = {919--926}," in song.bibtex()
    book = Reference(key="b", authors=("A, B",), title="T", journal="Press", year=2000, kind="book")
    assert "  publisher = {Press}," in book.bibtex()
    for work in REFERENCES.values():
        assert work.bibtex().count("{") == work.bibtex().count("}")
        assert work.authors
        assert 1900 < work.year < 2030


def test_of_many_names_only_the_nearest_are_listed() -> None:
    names = [f"name_{n}" for n in range(40)] + ["triplet"]
    said = did_you_mean("tripelt", names)
    assert said.startswith(" Did you mean 'triplet'? (triplet")
    assert said.endswith("and 29 more)")
    assert did_you_mean("c", ["a", "b"]) == " (a, b)"


def test_the_course_of_variables_is_kept(device: Device) -> None:
    plan = spike_trains([[1, 3] * ms], [[2] * ms], duration=5 * ms)
    record = ["synapse.w", "pre.x1", "post"]
    run = simulate(synapse_pair(stdp_pair), plan, device=device, dt=1 * ms, record=record)
    decay = np.exp(-1 / 20)
    np.testing.assert_allclose(np.asarray(run.times / ms), range(5))
    np.testing.assert_allclose(run.traces["pre.x1"][:, 0], [0, 1, decay, 1 + decay**2, decay + decay**3], rtol=1e-12)
    up, down = 0.005 * decay, 0.00525 * decay
    np.testing.assert_allclose(run.traces["synapse.w"][:, 0] - 0.5, [0, 0, up, up - down, up - down], atol=1e-15)
    assert len(run.spikes["post"]) == 1
    coarse = simulate(synapse_pair(stdp_pair), plan, device=device, dt=1 * ms, record=record, every=2)
    np.testing.assert_array_equal(coarse.traces["pre.x1"], run.traces["pre.x1"][::2])
    with pytest.raises(ValueError, match=r"cannot record 'synapse.v'. Did you mean 'synapse.w'\?"):
        simulate(synapse_pair(stdp_pair), plan, record=["synapse.v"])
