"""Published parameter sets, fitted again to the published data: published, fitted, interval.

python benchmarks/refits.py --out FILE [--only NAME ...]

Every fit starts beside the published values (a quarter more or a quarter less, in turn), so that it has to find them.
Fits that FILE holds already, of the same case and the same versions, are not made again; --only makes them anew.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import checkpoint, devices, jobs, rules
from spikehebb.core import Float, PlasticityRule
from spikehebb.datasets.measurements import PUBLISHED, Measurements

SJOSTROM = ("sjostrom2001_plus10", "sjostrom2001_minus10")
WANG = ("wang2005_pairs", "wang2005_pre_post_pre", "wang2005_post_pre_post", "wang2005_quadruplets")
_BESIDE = (1.25, 0.75)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A published set, the data that it was fitted to, and which of its parameters are fitted again."""

    rule: PlasticityRule
    data: tuple[str, ...]
    free: tuple[str, ...]
    w0: Any = 1.0
    dt_ms: float = 0.5
    strength: Callable[[Float], Float] | None = None
    least_hz: float = 0.0
    note: str = ""
    unpublished: tuple[str, ...] = ()


def two_states(ratio: float) -> Callable[[Float], Float]:
    """Return how strong synapses are that are in one of two states, the strong one so many times stronger."""
    return lambda w: np.asarray(1 + (ratio - 1) * (w > 0.5), float)


BI_POO = rules.stdp_pair.with_parameters(
    A_plus=0.777 / 60, A_minus=0.273 / 60, tau_plus=16.8 * ms, tau_minus=33.7 * ms, w_max=np.inf
)
A3 = ("A3_plus", "A2_minus", "A3_minus", "tau_y")
NO_A3_MINUS = ("A2_plus", "A3_plus", "A2_minus", "tau_y")
CASES = {
    "stdp_pair": Case(
        rule=BI_POO,
        data=("bi1998",),
        free=("A_plus", "A_minus", "tau_plus", "tau_minus"),
        dt_ms=0.1,
        note="the published amplitudes have not been checked",
        unpublished=("A_plus", "A_minus"),
    ),
    **{
        name: Case(rule=rules.RULES[name], data=data, free=free, note=note)
        for name, data, free, note in (
            ("triplet_vc_full", SJOSTROM, A3, "A2_plus (5e-10) and tau_x kept"),
            ("triplet_vc_minimal", SJOSTROM, ("A3_plus", "A2_minus", "tau_y"), ""),
            ("triplet_vc_nearest_full", SJOSTROM, A3, "A2_plus (8.8e-11) and tau_x kept"),
            ("triplet_vc_nearest_minimal", SJOSTROM, ("A3_plus", "A2_minus", "tau_y"), ""),
            ("triplet_hc_full", WANG, ("A2_plus", *A3), "tau_x kept"),
            ("triplet_hc_minimal", WANG, NO_A3_MINUS, ""),
            (
                "triplet_hc_nearest_full",
                WANG,
                ("A2_plus", "A3_plus", "A2_minus", "tau_y"),
                "A3_minus (7.5e-9) and tau_x kept",
            ),
            ("triplet_hc_nearest_minimal", WANG, NO_A3_MINUS, ""),
        )
    },
    "clopath": Case(rule=rules.clopath, data=SJOSTROM, free=("A_LTD", "A_LTP"), w0=0.5),
    "calcium_hippocampal_cultures": Case(
        rule=rules.calcium_hippocampal_cultures,
        data=WANG,
        free=("gamma_d", "gamma_p"),
        w0=(0.0, 1.0),
        dt_ms=1.0,
        strength=two_states(36.0263),
        note="the mean of 100 synapses, half of which start strong; the data are those of Pfister and Gerstner",
    ),
    "calcium_cortical_slices": Case(
        rule=rules.calcium_cortical_slices,
        data=SJOSTROM,
        free=("gamma_d", "gamma_p"),
        w0=(0.0, 1.0),
        strength=two_states(5.40988),
        least_hz=10,
        note="the mean of 100 synapses, half of which start strong; without 0.1 Hz, which takes hours",
    ),
}


def measured(case: Case) -> list[Measurements]:
    """Return the data of a case; without the frequencies that it leaves out, and quadruplets on its grid."""
    sets = []
    for name in case.data:
        data = PUBLISHED[name]
        if data.variable == "frequency_hz" and case.least_hz:
            there = data.x >= case.least_hz
            assert data.error is not None
            data = Measurements(
                name=name,
                variable=data.variable,
                x=data.x[there],
                change=data.change[there],
                error=data.error[there],
                lag=data.lag,
                repeats=data.repeats,
            )
        sets.append(data)
    return sets


def refit(name: str, case: Case, device: devices.Device) -> dict[str, Any]:
    """Return the row of one case."""
    beside = {
        parameter: case.rule.parameters[parameter] * _BESIDE[place % 2] for place, parameter in enumerate(case.free)
    }
    began = time.process_time(), time.perf_counter()
    row: dict[str, Any] = {"rule": name, "data": list(case.data), "note": case.note, "versions": jobs.versions()}
    try:
        fitted = jobs.fit(
            case.rule.with_parameters(**beside),
            measured(case),
            free=case.free,
            w0=case.w0,
            strength=case.strength,
            dt=case.dt_ms * ms,
            trials=100,
            round_times=True,
            device=device,
        )
    except jobs.FitError as error:
        return {**row, "failed": str(error)}
    report = fitted.report()
    published = {parameter: float(case.rule.parameters[parameter]) for parameter in case.free}
    free = {
        parameter: {
            **each,
            "published": published[parameter],
            "checked": parameter not in case.unpublished,
            "inside": bool(each["low"] <= published[parameter] <= each["high"]),
        }
        for parameter, each in report["free"].items()
    }
    kept = ("points", "chi2", "degrees_of_freedom", "weighted", "evaluations", "trials", "warnings")
    return {
        **row,
        "free": free,
        **{key: report[key] for key in kept},
        "start_factor": list(_BESIDE),
        "dt_ms": case.dt_ms,
        "device": device.name,
        "seconds": time.perf_counter() - began[1],
    }


def main() -> None:
    """Fit, print a line for each case, write the numbers after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(CASES))
    options = parser.parse_args()
    rows: list[dict[str, Any]] = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    device = devices.find("auto")
    for name in options.only or CASES:
        done = any(row["rule"] == name and row["versions"] == jobs.versions() for row in rows)
        if done and not options.only:
            continue
        row = refit(name, CASES[name], device)
        rows = [*(each for each in rows if each["rule"] != name), row]
        rows.sort(key=lambda each: list(CASES).index(each["rule"]))
        checkpoint.write_json(options.out, {"command": "python benchmarks/refits.py", "rows": rows})
        said = [
            f"{parameter} {each['published']:.3g} -> {each['value']:.3g} ({each['low']:.3g} to {each['high']:.3g})"
            for parameter, each in row.get("free", {}).items()
        ]
        print(name, row.get("failed", ""), said, "chi2", row.get("chi2"), flush=True)


if __name__ == "__main__":
    main()
