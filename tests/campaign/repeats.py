"""Every job again, where nothing that decides its result has changed: the same bits."""

from __future__ import annotations

from tests.campaign import commands
from tests.campaign.case import Case, check_end, check_no_code, environment, process

WHAT = "other threads, hash seed, locale, time zone, folder, order of jobs, global state"
AT_LEAST = 44
SHARE = 0.1

ENVIRONMENTS = {
    "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    "three threads": {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3", "MKL_NUM_THREADS": "3"},
    "hash seed": {"PYTHONHASHSEED": "12345"},
    "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "Chatham": {"TZ": "Pacific/Chatham"},
    "optimized Python": {"PYTHONOPTIMIZE": "1"},
    "flags of a compiler": {"CXXFLAGS": "-O0 -ffast-math", "OPTIMIZE": "-Ofast", "CFLAGS": "-ffast-math"},
}
STATES = {
    "another job before": """
import sys
from spikehebb.cli import app as other
words, sys.argv = sys.argv, ["spikehebb", "window", "stdp_triplet", "--lags", "-10,10", "--out", "another"]
try: other()
except SystemExit: pass
sys.argv = words
""",
    "random numbers drawn": "import random, numpy; random.seed(1); numpy.random.seed(2); numpy.random.rand(9)",
    "Brian2's preferences": """
import brian2, numpy
brian2.prefs.codegen.target = "numpy"
brian2.prefs.core.default_float_dtype = numpy.float32
brian2.prefs.codegen.cpp.extra_compile_args_gcc = ["-Ofast"]
brian2.seed(3)
brian2.defaultclock.dt = 0.7*brian2.ms
""",
    "preferences in the folder": "",
}
PREFERENCES = "core.default_float_dtype = open('canary', 'w') and float32\n"


def attack(case: Case) -> None:
    changes = [*ENVIRONMENTS, *STATES]
    change = changes[case.number % len(changes)]
    name = list(commands.JOBS)[(case.number // len(changes) + case.number) % len(commands.JOBS)]
    case.what = f"{name}: {change}"
    if change == "preferences in the folder":
        (case.folder / "brian_preferences").write_text(PREFERENCES)
    cached, out = commands.cache(case), case.folder / "out"
    words = commands.job(name, out, case.shared, before=STATES.get(change, ""))
    check_end(process(words, case.folder, environment(case.folder, cached, ENVIRONMENTS.get(change))), 0)
    commands.check_same(out, name, case.shared)
    check_no_code(case.folder / "canary")
