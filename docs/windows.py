"""The windows and frequency curves that the catalogue shows, kept in ``windows.json`` so that a build need not measure.

``python -m docs.windows`` measures what the file lacks and what was measured with another text or other parameters
(some seconds for each rule), and writes it. A build does the same for a rule that is new.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
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


def measured(rules: Iterable[PlasticityRule]) -> dict[str, tuple[Window, FrequencyResponse]]:
    """Return the window and the frequency curve of every rule that has them, measured where the file has none."""
    kept: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    found, device = {}, devices.find("auto")
    for rule in filter(has_pair_form, rules):
        quiet = rule.with_parameters(**({"sigma": 0.0} if "sigma" in rule.parameters else {}))
        repeats = next((PAIRS.get(family, 1) for family, members in FAMILIES.items() if rule in members), 1)
        w0 = 1.0 if rule.parameters.get("w_max") == np.inf else 0.5  # amplitudes are for weights of that size
        key = digest((quiet, repeats, LAGS, FREQUENCIES))[:16]
        if kept.get(rule.name, {}).get("digest") != key:
            window = stdp_window(quiet, LAGS * ms, repeats=repeats, w0=w0, device=device)
            response = frequency_response(quiet, FREQUENCIES * Hz, w0=w0, device=device)
            kept[rule.name] = {"digest": key, "dw": _short(window.dw), "frequency": _short(response.dw)}
        numbers = kept[rule.name]
        window = Window(
            rule=rule.name, lags=LAGS * ms, dw=np.array(numbers["dw"]), repeats=repeats, frequency=1 * Hz, w0=w0
        )
        response = FrequencyResponse(
            rule=rule.name,
            frequencies=FREQUENCIES * Hz,
            lags=[10, -10] * ms,
            dw=np.array(numbers["frequency"]),
            repeats=60,
            w0=w0,
        )
        found[rule.name] = (window, response)
        names = sorted(name for name in kept if name in RULES)
        FILE.write_text("{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(kept[n])}" for n in names) + "\n}\n")
    return found


def _short(numbers: Any) -> Any:
    return np.vectorize(lambda value: float(f"{value:.5g}"))(numbers).tolist()


if __name__ == "__main__":
    measured(RULES.values())
