"""The rules that NEST has, too, against NEST: prints a table and writes it as JSON.

    python -m benchmarks.nest_agreement --out benchmarks/results/nest-agreement.json

Run it from the root of the repository, with NEST installed beside the toolkit. What is compared, and how, is in
tests/test_nest.py and tests/nest_side.py; the tests hold the same numbers to 1e-9.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.nest_side import fresh_nest
from tests.test_nest import CASES, PAIRS, SPIKES, clopath_difference, differences, dopamine_difference

ALL_TO_ALL = f"{PAIRS} pairs of {SPIKES} + {SPIKES} spikes"


def rows() -> Iterator[dict[str, Any]]:
    """Measure rule after rule; differences are relative to the change of the weight, the largest of all trains."""
    for case in CASES:
        without, tied = differences(case)
        yield {
            "rule": case.name,
            "nest": case.model,
            "trains": ALL_TO_ALL,
            "difference": without,
            "difference_with_coincidences": tied,
            "remark": case.remark,
        }
    for corrected, remark in (
        (False, "ours is Euler in w, predicted 2.0e-4"),
        (True, "the same, with the predicted factor of the Euler steps taken out"),
    ):
        yield {
            "rule": "stdp_reward_all_to_all",
            "nest": "stdp_dopamine_synapse",
            "trains": f"{ALL_TO_ALL}, 10 rewards",
            "difference": dopamine_difference(corrected=corrected),
            "difference_with_coincidences": None,
            "remark": remark,
        }
    for delay in (0.0, 5.0):
        yield {
            "rule": "clopath",
            "nest": "clopath_synapse",
            "trains": "26 + 20 spikes",
            "difference": clopath_difference(delay=delay),
            "difference_with_coincidences": None,
            "remark": f"both see the same potential; filters lag by {delay:g} ms",
        }


def markdown(measured: list[dict[str, Any]]) -> str:
    lines = ["| rule | NEST | trains | largest difference | with coincidences | remark |", "|---|---|---|---|---|---|"]
    for row in measured:
        tied = row["difference_with_coincidences"]
        shown = "" if tied is None else f"{tied:.1e}"
        cells = (row["rule"], row["nest"], row["trains"], f"{row['difference']:.1e}", shown, row["remark"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    chosen = parser.parse_args()
    logging.getLogger("brian2").setLevel(logging.WARNING)
    fresh_nest()
    measured = list(rows())
    print(markdown(measured))
    if chosen.out:
        versions = {name: version(name) for name in ("spikehebb", "brian2", "nest-simulator", "numpy")}
        report = {"versions": versions, "python": platform.python_version(), "dt_ms": 0.1, "rows": measured}
        chosen.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
