"""Whether the tests notice a mistake: lines of the package, chosen at random, each with one change.

First record which tests run which line, then change lines one at a time; ``make mutation`` does both::

    RUN_LINES=runs/lines python -m pytest -p tests.mutation -n auto -m "not slow and not long"
    python -m tests.mutation --seed 0 --count 40 --lines runs/lines --out benchmarks/results/mutation.json

A change is caught when one of the quickest tests that run its line fails or never ends. Survivors are listed, to be
looked at: some change nothing that anybody could see.
"""

from __future__ import annotations

import argparse
import ast
import heapq
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
_PACKAGE = f"{ROOT / 'spikehebb'}{os.sep}"
MOST = 80  # tests that are asked about one line
LIMIT = 900  # seconds for the tests of one change
PAIRS: dict[type[ast.AST], Any] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


# --- as a plugin of pytest: which tests run a line

_TOOL = sys.monitoring.COVERAGE_ID
_HERE: set[tuple[str, int]] = set()  # lines that the current test has run
_TESTS: dict[tuple[str, int], list[tuple[float, str]]] = {}  # of each line the quickest, as a heap: the slowest first


def _line(code: CodeType, line: int) -> object:
    if code.co_filename.startswith(_PACKAGE):
        _HERE.add((code.co_filename[len(_PACKAGE) :], line))
    return sys.monitoring.DISABLE  # until the next test


def pytest_sessionstart() -> None:
    """Begin to listen."""
    sys.monitoring.use_tool_id(_TOOL, "mutation")
    sys.monitoring.register_callback(_TOOL, sys.monitoring.events.LINE, _line)
    sys.monitoring.set_events(_TOOL, sys.monitoring.events.LINE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Note the lines that a test runs."""
    _HERE.clear()
    sys.monitoring.restart_events()
    start = time.perf_counter()
    result = yield
    entry = (start - time.perf_counter(), item.nodeid)
    for line in _HERE:
        heap = _TESTS.setdefault(line, [])
        (heapq.heappush if len(heap) < MOST else heapq.heappushpop)(heap, entry)
    return result


def pytest_sessionfinish() -> None:
    """Write what was noted, one file for each process."""
    sys.monitoring.set_events(_TOOL, sys.monitoring.events.NO_EVENTS)
    sys.monitoring.free_tool_id(_TOOL)
    folder = Path(os.environ["RUN_LINES"])
    folder.mkdir(parents=True, exist_ok=True)
    noted = [[file, line, tests] for (file, line), tests in _TESTS.items()]
    (folder / f"{os.getpid()}.json").write_text(json.dumps(noted))


# --- as a command: change lines, and run their tests


def changes(source: str) -> list[tuple[int, str, str]]:
    """Return every change of a module: the line, what is changed, and the changed source."""
    lines = source.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    found = []
    for node in ast.walk(ast.parse(source)):
        for old, new in _ways(node):
            begin, end = (
                starts[line - 1] + column
                for line, column in ((old.lineno, old.col_offset), (old.end_lineno, old.end_col_offset))
            )
            text = source.encode()
            other = ast.unparse(ast.fix_missing_locations(new))
            other = f"({other})" if isinstance(new, ast.expr) else other
            was = " ".join(text[begin:end].decode().split())
            found.append((old.lineno, f"{was} -> {other}", (text[:begin] + other.encode() + text[end:]).decode()))
    return found


def _ways(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield for one node of a syntax tree what can be replaced, and by what."""
    match node:
        case ast.BinOp(op=op) if type(op) in PAIRS:
            yield node, ast.BinOp(node.left, PAIRS[type(op)](), node.right)
        case ast.BoolOp(op=op):
            yield node, ast.BoolOp(PAIRS[type(op)](), node.values)
        case ast.AugAssign(op=op) if type(op) in PAIRS:
            yield node, ast.AugAssign(node.target, PAIRS[type(op)](), node.value)
        case ast.Compare(ops=[op, *others]) if type(op) in PAIRS:
            yield node, ast.Compare(node.left, [PAIRS[type(op)](), *others], node.comparators)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node, node.operand
        case ast.Constant(value=bool() as value):
            yield node, ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield node, ast.Constant(value + 1)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield value, ast.Constant(None)
        case ast.Expr(value=ast.Call() as call):
            yield call, ast.Constant(None)
        case ast.If(test=test) | ast.IfExp(test=test):
            yield test, ast.UnaryOp(ast.Not(), test)


def chosen(seed: int, count: int) -> list[tuple[Path, int, str, str]]:
    """Return lines chosen at random among all that can be changed, and one change of each."""
    rng, by_line = random.Random(seed), dict[tuple[Path, int], list[tuple[str, str]]]()
    for file in sorted((ROOT / "spikehebb").rglob("*.py")):
        for line, what, changed in changes(file.read_text()):
            by_line.setdefault((file.relative_to(ROOT), line), []).append((what, changed))
    return [(*place, *rng.choice(by_line[place])) for place in rng.sample(sorted(by_line), count)]


def read_lines(folder: Path) -> dict[tuple[str, int], list[tuple[float, str]]]:
    """Return the tests of each line, by file and number, as (less the seconds they take, name)."""
    lines: dict[tuple[str, int], list[tuple[float, str]]] = {}
    for file in folder.glob("*.json"):
        for name, line, tests in json.loads(file.read_text()):
            lines.setdefault((name, line), []).extend((less, test) for less, test in tests)
    return lines


def tests_of(lines: Mapping[tuple[str, int], list[tuple[float, str]]], file: Path, line: int) -> list[str]:
    """Return the quickest tests that run a line; those of its file where the line is run when it is imported."""
    name = str(file.relative_to("spikehebb"))
    found = lines.get((name, line)) or [test for (each, _), tests in lines.items() if each == name for test in tests]
    seconds = {test: -less for less, test in found}
    return sorted(seconds, key=lambda test: (seconds[test], test))[:MOST]


def caught(file: Path, changed: str, tests: list[str], copy: Path) -> str:
    """Return which test notices a change, in a copy of the project, or nothing."""
    (copy / file).write_text(changed)
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-o", f"cache_dir={ROOT}/.pytest_cache"]
    try:
        done = subprocess.run(
            [*command, *tests],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the tests do not end"
    finally:
        shutil.copy(ROOT / file, copy / file)
    if done.returncode == 0:
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0] if failed else f"exit code {done.returncode}: {done.stdout[-300:]}"


def main() -> None:
    """Change lines, and print which changes no test notices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--lines", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lines, rows = read_lines(options.lines), []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "runs", "dist", "_build", "__pycache__"))
        for file, line, what, changed in chosen(options.seed, options.count):
            tests = tests_of(lines, file, line)
            by = caught(file, changed, tests, copy) if tests else ""
            rows.append({"file": str(file), "line": line, "change": what, "tests": len(tests), "caught by": by})
            print(f"{'caught  ' if by else 'SURVIVED'} {file}:{line} {what} ({len(tests)} tests) {by}", flush=True)
            if options.out:
                score = {"seed": options.seed, "caught": sum(bool(row["caught by"]) for row in rows), "of": len(rows)}
                options.out.write_text(json.dumps({**score, "changes": rows}, indent=1) + "\n")
    print(f"{sum(bool(row['caught by']) for row in rows)} of {len(rows)} changes were noticed.")


if __name__ == "__main__":
    main()
