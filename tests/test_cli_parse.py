"""Words of the command line: quantities, ranges, rules of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms, mV
from brian2.units import get_dimensions

from spikehebb import equations
from spikehebb.cli import parse
from spikehebb.rules import stdp_pair


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("0.5", 0.5),
        ("-1e-3", -1e-3),
        ("inf", np.inf),
        ("20ms", 20 * ms),
        ("20 ms", 20 * ms),
        ("20*ms", 20 * ms),
        ("3Hz", 3 * Hz),
        ("14e-5/mV", 14e-5 / mV),
        ("8e-5/mV**2", 8e-5 / mV**2),
    ],
)
def test_quantities(word: str, value: Any) -> None:
    value_read = equations.quantity(word)
    assert get_dimensions(value_read) == get_dimensions(value)
    assert float(value_read) == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize(
    "word",
    [
        *("", "ms", "20 parsec", "20ms; import os", "__import__('os')", "1*open('x')", "20ms()"),
        *(
            "1/0",
            "1*10**400",
            "1*9**999999999",
            "1*10**-400",
            "1*ms**9999",
            "1/ms**400",
            "1/(ms - ms)",
            "1" + "*ms" * 50,
        ),
    ],
)
def test_what_is_no_quantity_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"number with or without a unit|no unit that Brian2 knows"):
        equations.quantity(word)


def test_ranges_include_both_ends() -> None:
    np.testing.assert_allclose(np.asarray(parse.numbers("--lags", "-1:1:0.1", ms) / ms), np.linspace(-1, 1, 21))
    np.testing.assert_allclose(np.asarray(parse.numbers("--lags", "10,-10", ms) / ms), [10, -10])


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("1:2", r"--lags takes FROM:TO:STEP or a list a,b,c of numbers, got '1:2'"),
        ("a,b", "--lags takes FROM:TO:STEP"),
        ("10:0:1", "FROM must not exceed TO"),
        ("0:1:0", "STEP must be above 0"),
        ("0:1e9:0.1", "that would be 10000000000 numbers"),
        ("-1e308:1e308:1", "that would be inf numbers"),
        ("1,nan", "every number must be finite"),
    ],
)
def test_ranges_that_are_none_are_refused(word: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse.numbers("--lags", word, ms)


def test_a_rule_of_ones_own_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("from spikehebb.rules import stdp_pair\nmy_rule = stdp_pair.with_parameters(A_plus=0.2)\n")
    assert parse.rule(f"{file}:my_rule").parameters["A_plus"] == 0.2
    assert parse.rule(f"{file}:my_rule", ["A_plus=0.3"]).parameters["A_plus"] == 0.3
    with pytest.raises(ValueError, match=r"has no rule 'my_rul'. Did you mean 'my_rule'\?"):
        parse.rule(f"{file}:my_rul")
    (tmp_path / "broken.py").write_text("my_rule = (\n")
    with pytest.raises(ValueError, match=r"broken.py cannot be run: SyntaxError"):
        parse.rule(f"{tmp_path / 'broken.py'}:my_rule")
    with pytest.raises(FileNotFoundError, match=r"there is no file"):
        parse.rule(f"{tmp_path / 'other.py'}:my_rule")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit(7)", r"own.py cannot be run: SystemExit: 7"),
        ("import sys; sys.exit()", r"own.py cannot be run: SystemExit"),
        ("raise GeneratorExit('x'*10_000)", r"own.py cannot be run: GeneratorExit: x+$"),
        ("a = 1/0", r"own.py cannot be run: ZeroDivisionError"),
        (
            "import dataclasses; from spikehebb.rules import *; r = dataclasses.replace(stdp_pair, on_pre='w += w/0')",
            r"own.py cannot be run: ValueError: .* divides by 0",
        ),
    ],
)
def test_what_a_file_raises_is_one_sentence(code: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(code)
    with pytest.raises(ValueError, match=message) as raised:
        parse.rule(f"{file}:r")
    assert len(str(raised.value)) < 1000


def test_an_interruption_of_a_file_is_one(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        parse.rule(f"{file}:r")


def test_settings_change_parameters() -> None:
    rule = parse.rule("stdp_pair", ["tau_plus=16.8ms", "A_plus = 0.1"])
    assert rule.parameters["tau_plus"] == 16.8 * ms
    assert rule.parameters["A_plus"] == 0.1
    assert rule.parameters["A_minus"] == stdp_pair.parameters["A_minus"]
    with pytest.raises(ValueError, match="--set takes name=value"):
        parse.rule("stdp_pair", ["tau_plus"])
    with pytest.raises(ValueError, match=r"--set gives A_plus twice, 0\.1 and 0\.2; leave one of them out"):
        parse.rule("stdp_pair", ["A_plus=0.1", "A_plus = 0.2"])
