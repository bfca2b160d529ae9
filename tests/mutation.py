"""Whether the tests notice a mistake: lines of the package, chosen at random, each with one change.

First record which tests run which line, then change lines one at a time; ``make mutation`` does both::

    RUN_LINES=runs/lines python -m pytest -p tests.mutation -n auto -m "not slow"
    python -m tests.mutation --seed 0 --count 40 --lines runs/lines --out benchmarks/results/mutation.json

A change is caught when one of the tests that are asked fails or never ends. Asked are, as far as ``SECONDS`` go, first
the quickest tests that run the line, then whole files of tests, because the tests of a file share what they have made:
those files in which a test runs the line, beginning with the one that runs this module and little else. A line that
no test runs (it is run when the module is imported, or in another process) stands for its module, and a module that no
test runs for its folder. Asked of every line is what looks at the sources as text.

After new tests, record their files again, and ask ``--again`` about what survived.

Files that need PyTorch are not drawn where it is missing: their tests are skipped there. Survivors are listed, to be
looked at: some change nothing that anybody could see.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
_PACKAGE = f"{ROOT / 'spikehebb'}{os.sep}"
MOST = 80  # tests that are asked because they run the line
SECONDS = 45.0  # of a core, that all tests asked about one line took when recorded
LIMIT = 900  # seconds for the tests of one change
SOURCES = "tests/test_architecture.py"  # which looks at every file, whatever it runs
EXTRAS = {"torch": "softhebb/torch_*.py"}  # what is run with a package alone that may be missing
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


# --- as a plugin of pytest: which lines a test runs

_TOOL = sys.monitoring.COVERAGE_ID
_HERE: dict[str, int] = {}  # of each file the lines that the current test has run, as a number whose bit n is line n
_SHARED: dict[Any, dict[str, int]] = {}  # the same of each fixture that several tests share


def _line(code: CodeType, line: int) -> object:
    if code.co_filename.startswith(_PACKAGE):
        _add(_HERE, {code.co_filename[len(_PACKAGE) :]: 1 << line})
    return sys.monitoring.DISABLE  # until the next test


def _add(to: dict[str, int], lines: Mapping[str, int]) -> None:
    for file, bits in lines.items():
        to[file] = to.get(file, 0) | bits


def _seconds() -> float:
    """Return the time that this process and those that it has started took of a core."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def pytest_sessionstart() -> None:
    """Begin to listen."""
    sys.monitoring.use_tool_id(_TOOL, "mutation")
    sys.monitoring.register_callback(_TOOL, sys.monitoring.events.LINE, _line)
    sys.monitoring.set_events(_TOOL, sys.monitoring.events.LINE)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Iterator[Any]:
    """Note the lines of what several tests share, which are run for the first of them only."""
    before = dict(_HERE)
    _HERE.clear()
    sys.monitoring.restart_events()
    result = yield
    if fixturedef.scope != "function":
        _add(_SHARED.setdefault(fixturedef, {}), _HERE)
    _add(_HERE, before)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Write the lines that a test runs: a row of a file for each process."""
    _HERE.clear()
    sys.monitoring.restart_events()
    start = _seconds()
    result = yield
    fixtures = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for shared in (each for same in fixtures.values() for each in same if each in _SHARED):
        _add(_HERE, _SHARED[shared])
    row = {"test": item.nodeid, "seconds": round(_seconds() - start, 4)}
    folder = Path(os.environ["RUN_LINES"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps({**row, "lines": {name: f"{bits:x}" for name, bits in _HERE.items()}}) + "\n")
    return result


def pytest_sessionfinish() -> None:
    """Listen no more."""
    sys.monitoring.set_events(_TOOL, sys.monitoring.events.NO_EVENTS)
    sys.monitoring.free_tool_id(_TOOL)


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
    """Return lines chosen at random among all that can be changed and run here, and one change of each."""
    rng, by_line = random.Random(seed), dict[tuple[Path, int], list[tuple[str, str]]]()
    missing = [pattern for package, pattern in EXTRAS.items() if importlib.util.find_spec(package) is None]
    for file in sorted((ROOT / "spikehebb").rglob("*.py")):
        if any(file.match(pattern) for pattern in missing):
            continue
        for line, what, changed in changes(file.read_text()):
            by_line.setdefault((file.relative_to(ROOT), line), []).append((what, changed))
    return [(*place, *rng.choice(by_line[place])) for place in rng.sample(sorted(by_line), count)]


class Noted(NamedTuple):
    """What was recorded of a test: its seconds, and of each file the lines that it runs, as bits of a number."""

    seconds: float
    lines: Mapping[str, int]


def read_notes(folder: Path) -> dict[str, Noted]:
    """Return what was recorded of each test, the quickest first; of a file of tests the last time counts."""
    notes: dict[str, Noted] = {}
    for file in sorted(folder.glob("*.jsonl"), key=lambda file: file.stat().st_mtime):
        rows = [json.loads(row) for row in file.read_text().splitlines()]
        anew = {row["test"].split("::")[0] for row in rows}
        notes = {test: noted for test, noted in notes.items() if test.split("::")[0] not in anew}
        for row in rows:
            lines = {name: int(bits, 16) for name, bits in row["lines"].items()}
            notes[row["test"]] = Noted(row["seconds"], lines)
    return dict(sorted(notes.items(), key=lambda item: item[1].seconds))


def tests_of(notes: Mapping[str, Noted], file: Path, line: int) -> list[str]:
    """Return the tests to ask about a line, the quickest that run it first."""
    name, bits = str(file.relative_to("spikehebb")), _statement((ROOT / file).read_text(), line)
    running = [test for test, noted in notes.items() if noted.lines.get(name, 0) & bits]
    files: dict[str, list[str]] = {}
    for test in notes:
        files.setdefault(test.split("::")[0], []).append(test)
    ran = {each: _together(notes[test].lines for test in tests) for each, tests in files.items()}
    package = _together(ran.values())
    scope = {name: package[name]} if name in package else _below(package, f"{Path(name).parent}{os.sep}")
    among = {test.split("::")[0] for test in running} or {each for each in ran if _likeness(ran[each], scope)}
    whole = [test for each in sorted(among, key=lambda each: -_likeness(ran[each], scope)) for test in files[each]]
    asked, left = list[str](), SECONDS
    for test in dict.fromkeys([*running[:MOST], *files.get(SOURCES, ()), *whole]):
        if notes[test].seconds <= left:
            asked.append(test)
            left -= notes[test].seconds
    return asked


def _statement(source: str, line: int) -> int:
    """Return the lines of the statement around a line, as bits; none of one that runs when the module is imported."""
    tree = ast.parse(source)
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line <= _end(node)]
    functions = [node for node in around if isinstance(node, ast.FunctionDef)]
    if not any(node.body[0].lineno <= line for node in functions):  # a decorator stands outside of everything
        return 0
    inner = min(around, key=lambda node: _end(node) - node.lineno)
    return sum(1 << each for each in range(inner.lineno, _end(inner) + 1))


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _together(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for each in several:
        _add(lines, each)
    return lines


def _below(lines: Mapping[str, int], folder: str) -> dict[str, int]:
    return {name: bits for name, bits in lines.items() if name.startswith(folder)}


def _likeness(lines: Mapping[str, int], scope: Mapping[str, int]) -> float:
    """Return which part of the lines in either are in both."""
    both = sum((lines.get(name, 0) & bits).bit_count() for name, bits in scope.items())
    return both / (sum(bits.bit_count() for each in (lines, scope) for bits in each.values()) - both)


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
    parser.add_argument("--again", action="store_true", help="ask about the survivors in --out only")
    options = parser.parse_args()
    known = json.loads(options.out.read_text())["changes"] if options.again else []
    before = {(row["file"], row["line"], row["change"]): row["caught by"] for row in known}
    notes, rows = read_notes(options.lines), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "runs", "dist", "_build", "__pycache__"))
        for file, line, what, changed in chosen(options.seed, options.count):
            tests = tests_of(notes, file, line)
            by = before.get((str(file), line, what)) or (caught(file, changed, tests, copy) if tests else "")
            rows.append({"file": str(file), "line": line, "change": what, "tests": len(tests), "caught by": by})
            print(f"{'caught  ' if by else 'SURVIVED'} {file}:{line} {what} ({len(tests)} tests) {by}", flush=True)
            if options.out:
                score = {"seed": options.seed, "caught": sum(bool(row["caught by"]) for row in rows), "of": len(rows)}
                options.out.write_text(json.dumps({**score, "changes": rows}, indent=1) + "\n")
    print(f"{sum(bool(row['caught by']) for row in rows)} of {len(rows)} changes were noticed.")


if __name__ == "__main__":
    main()
