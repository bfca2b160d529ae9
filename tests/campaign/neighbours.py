"""Two processes in one folder: the second says who holds it, and nothing is lost."""

from __future__ import annotations

import subprocess
import time

from tests.campaign import commands
from tests.campaign.case import Case, Done, Fault, check_end, environment, process

WHAT = "two processes in one folder"
AT_LEAST = 24
SHARE = 0.07


def attack(case: Case) -> None:
    first = case.one_of(list(commands.JOBS))
    second = case.one_of([first, case.one_of(list(commands.JOBS))])
    wait = case.random.uniform(0, 1) * commands.seconds(first, case.shared)
    cached, out = commands.cache(case), case.folder / "out"
    case.what = f"{first}, and after {wait:.2f} s {second}"
    environ, others = environment(case.folder, cached), list[Done]()

    def beside(running: subprocess.Popen[bytes]) -> None:
        time.sleep(wait)
        others.append(process(commands.job(second, out, case.shared), case.folder, environ))

    done = {first: check_end(process(commands.job(first, out, case.shared), case.folder, environ, during=beside), 0, 2)}
    (other,) = others
    check_end(other, 0, 2)
    for each in (done[first], other):
        if each.code and not ("is in use by another process" in each.err or "holds another run" in each.err):
            raise Fault("wrong", f"refused for another reason: {each.err[-300:]}")
    finished = {name for name, each in ((first, done[first]), (second, other)) if each.code == 0}
    case.counts["refused"] += 2 - sum(each.code == 0 for each in (done[first], other))
    if len(finished) != 1:
        raise Fault("lost", f"{len(finished)} of two runs have finished: {', '.join(finished)}")
    commands.check_same(out, finished.pop(), case.shared)
    commands.check_left_over(case, cached)
