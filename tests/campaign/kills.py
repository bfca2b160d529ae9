"""kill -9 at random moments of every job that can be resumed: the same command goes on to the same bits."""

from __future__ import annotations

import subprocess
import time

from tests.campaign import commands
from tests.campaign.case import Case, alive, check_end, environment, kill, process

WHAT = "kill -9 at random moments, then the same command"
AT_LEAST = 60
SHARE = 0.28


def attack(case: Case) -> None:
    name = list(commands.JOBS)[case.number % len(commands.JOBS)]
    empty, group, twice = case.random.random(3) < (0.3, 0.5, 0.25)
    cached = commands.cache(case, empty=bool(empty))
    out, environ = case.folder / "out", environment(case.folder, cached)
    words = commands.job(name, out, case.shared)
    case.what = f"{name}{', and its children' if group else ''}{', programs to compile' if empty else ''}, killed after"
    for _ in range(2 if twice else 1):
        moment = case.random.uniform(0.15, 1) * commands.seconds(name, case.shared)
        moment += case.random.uniform(0, 10) if empty and name.endswith("-cpp") else 0
        case.what += f" {moment:.2f} s"

        def killed(running: subprocess.Popen[bytes], moment: float = moment) -> None:
            time.sleep(moment)
            if alive(running):
                kill(running, group=bool(group))
                case.counts["kills"] += 1

        check_end(process(words, case.folder, environ, during=killed), 0, -9)
    check_end(process(words, case.folder, environ), 0)
    commands.check_same(out, name, case.shared)
    commands.check_left_over(case, cached)
