"""The windows and frequency curves that the catalogue shows, kept in ``windows.json`` so that a build need not measure.

``python -m docs.windows`` measures what the file lacks and what was measured with another text or other parameters
(some seconds for each rule), and writes it. A build does the same for a rule that is new.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, ms

from spikehebb import devices
from spikehebb.circuits import has_pair_form
from spikehebb.core import PlasticityRule, digest
from spikehebb.jobs import FrequencyResponse, Window, frequency_response, stdp_window
from spikehebb.rules import FAMILIES, RULES

FILE = Path(__file__).parent / "windows.json"
LAGS = np.arange(-100, 101, 2)
FREQUENCIES = np.array([1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50])
PAIRS = {"calcium and voltage": 60}  # at 1 Hz, as published; one pair of the others
CURVES = ("pair STDP", "triplet STDP", "calcium and voltage")  # families whose dependence on the frequency is shown
_WORDS = ("summary", "reference", "cites", "ties", "roles")  # which change no number


def measured(rules: Iterable[PlasticityRule]) -> dict[str, tuple[Window, FrequencyResponse | None]]:
    """Return the window and the frequency curve of every rule that has them, measured where the file has none."""
    kept: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    found, device = {}, devices.find("auto")
    for rule in filter(has_pair_form, rules):
        family = next((name for name, members in FAMILIES.items() if rule.name in {each.name for each in members}), "")
        quiet = rule.with_parameters(**({"sigma": 0.0} if "sigma" in rule.parameters else {}))
        repeats, curve = PAIRS.get(family, 1), family in CURVES
        w0 = 1.0 if rule.parameters.get("w_max") == np.inf else 0.5  # amplitudes are for weights of that size
        key = key_of(quiet, repeats, curve)
        if kept.get(rule.name, {}).get("digest") != key:
            window = stdp_window(quiet, LAGS * ms, repeats=repeats, w0=w0, device=device if curve else devices.NUMPY)
            kept[rule.name] = {"digest": key, "dw": _short(window.dw)}
            if curve:
                response = frequency_response(quiet, FREQUENCIES * Hz, w0=w0, device=device)
                kept[rule.name]["frequency"] = _short(response.dw)
            names = sorted(name for name in kept if name in RULES)
            FILE.write_text("{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(kept[n])}" for n in names) + "\n}\n")
        numbers = kept[rule.name]
        window = Window(
            rule=rule.name, lags=LAGS * ms, dw=np.array(numbers["dw"]), repeats=repeats, frequency=1 * Hz, w0=w0
        )
        answer = None
        if curve:
            answer = FrequencyResponse(
                rule=rule.name,
                frequencies=FREQUENCIES * Hz,
                lags=[10, -10] * ms,
                dw=np.array(numbers["frequency"]),
                repeats=60,
                w0=w0,
            )
        found[rule.name] = (window, answer)
    return found


def key_of(rule: PlasticityRule, repeats: int, curve: bool) -> str:
    """Return what is equal for equal measurements: of the rule, all that changes a number and is set."""
    said = {
        field.name: getattr(rule, field.name)
        for field in fields(rule)
        if field.name not in _WORDS and getattr(rule, field.name) not in ("", ())
    }
    return digest((said, repeats, curve, LAGS, FREQUENCIES))[:16]


def _short(numbers: Any) -> Any:
    return np.vectorize(lambda value: float(f"{value:.5g}"))(numbers).tolist()


if __name__ == "__main__":
    measured(RULES.values())
