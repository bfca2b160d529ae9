"""Whether the tests notice a mistake: lines of the package, chosen at random, each with one change.

First record which test runs which line, then change lines one at a time; ``make mutation`` does both::

    python -m coverage run --source=spikehebb -m pytest -m "not slow" -p tests.mutation
    python -m tests.mutation --seed 0 --count 40 --out benchmarks/results/mutation.json

A change is caught when a test fails or never ends. Survivors are listed, to be looked at: some change nothing that
anybody could see.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).parents[1]
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Tell coverage which test runs: this file is a plugin of pytest, too."""
    recorder = coverage.Coverage.current()
    if recorder is not None:
        recorder.switch_context(item.nodeid)
    try:
        return (yield)
    finally:
        if recorder is not None:
            recorder.switch_context("")


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


def tests_of(recorded: coverage.CoverageData, file: Path, line: int) -> list[str]:
    """Return the tests that run a line; those of its file where the line is run when the file is imported."""
    by_line = recorded.contexts_by_lineno(str(ROOT / file))
    tests = set(by_line.get(line, ())) - {""}
    return sorted(tests or set().union(*by_line.values()) - {""})


def caught(file: Path, changed: str, tests: list[str], copy: Path) -> str:
    """Return which test notices a change, in a copy of the project, or nothing."""
    (copy / file).write_text(changed)
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
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
    parser.add_argument("--coverage", type=Path, default=ROOT / ".coverage")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    recorded = coverage.CoverageData(str(options.coverage))
    recorded.read()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "runs", "dist", "_build", "__pycache__"))
        for file, line, what, changed in chosen(options.seed, options.count):
            tests = tests_of(recorded, file, line)
            by = caught(file, changed, tests, copy) if tests else ""
            rows.append({"file": str(file), "line": line, "change": what, "tests": len(tests), "caught by": by})
            print(f"{'caught  ' if by else 'SURVIVED'} {file}:{line} {what} ({len(tests)} tests) {by}", flush=True)
            if options.out:
                score = {"seed": options.seed, "caught": sum(bool(row["caught by"]) for row in rows), "of": len(rows)}
                options.out.write_text(json.dumps({**score, "changes": rows}, indent=1) + "\n")
    print(f"{sum(bool(row['caught by']) for row in rows)} of {len(rows)} changes were noticed.")


if __name__ == "__main__":
    main()
