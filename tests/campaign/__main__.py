"""Run a campaign: ``python -m tests.campaign --seed 0 --minutes 60 --out runs/campaign.json``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

from spikehebb.jobs import versions
from tests.campaign import disks, files, kills, neighbours, repeats, signals
from tests.campaign.case import VERDICTS, judged

KINDS: dict[str, ModuleType] = {
    kind.__name__.rpartition(".")[2]: kind for kind in (files, kills, signals, disks, neighbours, repeats)
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60, help="at least; each kind has a least number of cases")
    parser.add_argument("--out", type=Path, help="JSON with the table and every fault")
    parser.add_argument("--only", choices=KINDS, action="append", help="kinds of attack; all when left out")
    parser.add_argument("--case", type=int, help="repeat this case of the kind")
    parser.add_argument("--cases", type=int, help="so many cases of each kind, whatever the time")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    given = parser.parse_args()
    kinds = {name: KINDS[name] for name in given.only or KINDS}
    start, table, faults = time.monotonic(), {}, []
    with tempfile.TemporaryDirectory(prefix="campaign-", ignore_cleanup_errors=True) as folder:
        for name, attack in kinds.items():
            numbers = None if given.case is None else range(given.case, given.case + 1)
            if given.cases is not None:
                numbers = range(given.cases)
            seconds = 60 * given.minutes * attack.SHARE / sum(kind.SHARE for kind in kinds.values())
            row, found = campaign(attack, given.seed, Path(folder), seconds, numbers, given.workers)
            table[name] = row
            faults += found
            report = {
                "seed": given.seed,
                "minutes": round((time.monotonic() - start) / 60, 1),
                "versions": versions(),
                "kinds": table,
                "faults": faults,
            }
            if given.out is not None:  # after every kind: it takes an hour
                given.out.parent.mkdir(parents=True, exist_ok=True)
                given.out.write_text(json.dumps(report, indent=1) + "\n")
    print_table(table)
    return int(bool(faults))


def campaign(
    attack: ModuleType, seed: int, shared: Path, seconds: float, numbers: range | None, workers: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the cases of one kind: some of them, or at least so many as it asks for and as the time allows."""
    kind = attack.__name__.rpartition(".")[2]
    counts, faults, start = Counter(dict.fromkeys(VERDICTS, 0)), [], time.monotonic()

    def one(number: int) -> None:
        if numbers is None and number >= attack.AT_LEAST and time.monotonic() > start + seconds:
            return
        verdict, what, why, more = judged(attack, number, seed, shared, shared / f"{kind}-{number}")
        counts.update({verdict: 1, "cases": 1, **more})
        if verdict != "ok":
            again = f"python -m tests.campaign --seed {seed} --only {kind} --case {number}"
            faults.append({"kind": kind, "case": number, "verdict": verdict, "what": what, "why": why, "again": again})
            print(f"{kind} {number}: {verdict}: {what}: {why}\n  again: {again}", file=sys.stderr, flush=True)
        elif sys.stderr.isatty():
            print(f"\r{kind} {number}: {what[:100]:100}", end="", file=sys.stderr, flush=True)

    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(one, number) for number in numbers or range(100 * attack.AT_LEAST)]:
            future.result()
    return {"what": attack.WHAT, **counts, "seconds": round(time.monotonic() - start)}, faults


def print_table(table: dict[str, dict[str, Any]]) -> None:
    print(f"{'kind':12} {'cases':>6} " + " ".join(f"{verdict:>9}" for verdict in VERDICTS))
    for name, row in table.items():
        print(f"{name:12} {row.get('cases', 0):6} " + " ".join(f"{row[verdict]:9}" for verdict in VERDICTS))


if __name__ == "__main__":
    sys.exit(main())
