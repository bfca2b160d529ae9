"""What keeps the code in shape: floors, no circles, imports at the top, no side effects, globals in one place."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.module_graph import FILES, MODULES, PACKAGE, each_file, imported, imports, module_of, syntax

# Each floor imports from those below it only, and the parts of a floor know nothing of each other.
FLOORS = [
    {"brian2_import", "reading", "signals"},
    {"equations", "npy"},
    {"core"},
    {"catalogue"},
    {"neurons", "encoders", "rules"},
    {"circuits", "protocols"},
    {"devices"},
    {"simulation"},
    {"metrics", "checkpoint", "datasets"},
    {"softhebb"},
    {"conversion"},
    {"hardware", "export"},
    {"jobs"},
    {"plot", "doctor"},
    {"report"},
    {"sweeps"},
    {"cli"},
    {"__main__"},
]
# What may be imported inside a function, and where: extras, which may be missing, and what is slow and rarely needed.
INSIDE = {
    "nir": {"spikehebb.export.read_nir"},
    "h5py": {"spikehebb.export.read_nir"},
    "neo": {"spikehebb.datasets.neo_trains"},
    "torch": {"spikehebb.softhebb.torch_files"},
    "cupy": {"spikehebb.softhebb.backend"},
    "brian2cuda": {"spikehebb.devices.cuda"},
    "sklearn": {
        "spikehebb.datasets.digits",
        "spikehebb.metrics.vote",
        "spikehebb.softhebb.embedding",
        "spikehebb.softhebb.readout",
    },  # a second of import
    "pylab": {"spikehebb.brian2_import"},  # of which Brian2 needs nothing
    "IPython": {"spikehebb.core.progress"},  # which a notebook has
    "distributed": {"spikehebb.sweeps.workers"},
    "dask": {"spikehebb.sweeps.workers"},
    "dask_jobqueue": {"spikehebb.sweeps.workers"},
    "pandas": {"spikehebb.jobs.runs", "spikehebb.core.display"},
    "spikehebb.plot": {"spikehebb.core.display"},  # the one way up: values are asked for their picture
    "ipywidgets": {"spikehebb.plot.explore"},
    "matplotlib.pyplot": {"spikehebb.plot.results"},  # half a second
    "scipy.optimize": {
        "spikehebb.conversion.lif_calibration",
        "spikehebb.jobs.fit",
        "spikehebb.simulation.costs",
    },  # half a second
}
# Brian2's device, preferences and random state
GLOBALS = {"set_device", "reset_device", "all_devices", "get_device", "prefs", "seed", "defaultclock", "device"}
GENERIC = ("values", "files", "words", "cores", "units", "utils", "helpers", "common", "base", "misc", "tools", "types")


def part(module: str) -> str:
    """Return the part of the package that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def test_every_part_has_a_floor() -> None:
    named = [name for floor in FLOORS for name in floor]
    assert sorted(named) == sorted({part(module) for module in MODULES} - {""})


@each_file
def test_every_file_imports_from_floors_below(path: Path) -> None:
    module = module_of(path)
    others = {part(name) for name in imported(module)} - {part(module)}
    others -= {""} if module == "spikehebb.cli.common" else set()  # which prints the version
    if module == "spikehebb":
        assert imported(module) == {"spikehebb.brian2_import"}  # the rest is imported when it is first asked for
        return
    floor = next(number for number, names in enumerate(FLOORS) if part(module) in names)
    below = set().union(*FLOORS[:floor])
    assert others <= below, f"{module} must not import {others - below}"


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions count, and importing a module runs the packages that it lies in."""
    graph = {}
    for module in MODULES:
        found = imported(module)
        for name in list(found):
            parents = {name.rsplit(".", up)[0] for up in range(1, name.count(".") + 1)}
            found |= {parent for parent in parents if not module.startswith(f"{parent}.") and parent != module}
        graph[module] = found
    assert circles(graph) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the modules that are left when those that import none of the others are taken away, again and again."""
    left = {name: set(names) for name, names in graph.items()}
    while leaves := {name for name, names in left.items() if not names & left.keys()}:
        left = {name: names for name, names in left.items() if name not in leaves}
    while roots := left.keys() - {name for names in left.values() for name in names}:
        left = {name: names for name, names in left.items() if name not in roots}
    return [sorted(left)] if left else []


def two_faced() -> set[str]:
    """Return the names that are a module of a package and a value that the package takes from it."""
    values = {
        f"{package}.{alias.name}"
        for package, path in MODULES.items()
        if path.name == "__init__.py"
        for node in syntax(path).body
        if isinstance(node, ast.ImportFrom) and node.module != package
        for alias in node.names
    }
    return values & MODULES.keys()


@each_file
def test_every_module_is_told_from_its_value(path: Path) -> None:
    """``from package import name`` gives the value, but inside of the package the one or the other, by chance."""
    names = two_faced()
    assert "spikehebb.simulation.simulate" in names
    taken = {}
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if f"{node.module}.{alias.name}" in names:
                    assert not module_of(path).startswith(str(node.module)), (
                        f"from {node.module}.{alias.name} import ..."
                    )
                    taken[alias.asname or alias.name] = node.module
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in taken:
            raise AssertionError(f"line {node.lineno}: {node.value.id} is the value of {taken[node.value.id]}")


@each_file
def test_every_import_stands_at_the_top(path: Path) -> None:
    """But for those of commands, which start faster without, and those that are listed."""
    module = module_of(path)
    if part(module) == "cli":
        return
    top = set(map(id, syntax(path).body))
    for node, name in imports(path):
        if id(node) not in top:
            assert module in _inside(name), f"line {node.lineno}: import {name} at the top"
    for call in ast.walk(syntax(path)):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("importlib.import_module", "__import__"):
            name = ast.literal_eval(call.args[0])
            assert module in _inside(name), f"line {call.lineno}: import {name} at the top"


def _inside(name: str) -> set[str]:
    return {module for known in INSIDE if f"{name}.".startswith(f"{known}.") for module in INSIDE[known]}


def test_nothing_is_listed_in_vain() -> None:
    for name, modules in INSIDE.items():
        assert all(name in MODULES[module].read_text() for module in modules), name


@each_file
def test_every_module_only_defines(path: Path) -> None:
    """No statement that acts; a call that makes a constant may not act either, which the next test looks for."""
    for node in syntax(path).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        documents = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        names = bool(targets) and all(isinstance(target, (ast.Name, ast.Tuple)) for target in targets)
        defines = isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.TypeAlias))
        registers = ast.unparse(node).startswith("commands.add_typer(")
        tames = module_of(path) == "spikehebb" and ast.unparse(node) == "tame()"
        tames |= module_of(path) == "spikehebb.__main__" and ast.unparse(node).startswith("if __name__ == '__main__':")
        assert documents or names or defines or registers or tames, f"line {node.lineno}: {ast.unparse(node)}"


STATE = """
import importlib, json, logging, os, random, signal, sys, threading, warnings
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
import brian2, matplotlib, numpy as np
def state():
    loggers = {name: logging.getLogger(name) for name in list(logging.root.manager.loggerDict)}
    loggers["root"] = logging.root
    kept = {
        name: [logger.level, logger.disabled, logger.propagate, *map(repr, logger.filters + logger.handlers)]
        for name, logger in loggers.items()
    }
    quiet = [0, False, True]
    return {
        "loggers": {name: held for name, held in kept.items() if held != quiet},
        "preferences": {name: repr(value) for name, value in brian2.prefs.items()},
        "device": repr(brian2.get_device()),
        "clock": repr(brian2.defaultclock.dt),
        "signals": [repr(signal.getsignal(number)) for number in signal.valid_signals()],
        "warnings": list(map(repr, warnings.filters)),
        "environment": dict(os.environ),
        "random": [hash(random.getstate()), np.random.get_state()[1].tolist(), np.random.get_state()[2]],
        "errors": np.geterr(),
        "print": {name: repr(value) for name, value in np.get_printoptions().items()},
        "hooks": [repr(sys.excepthook), repr(sys.displayhook), repr(threading.excepthook)],
        "threads": len(threading.enumerate()),
        "folder": os.getcwd(),
        "path": [sys.path, list(map(repr, sys.meta_path))],
        "pictures": {name: repr(value) for name, value in matplotlib.rcParams.items() if name != "backend"},
        "limits": [sys.getrecursionlimit(), sys.getswitchinterval()],
    }
before = state()
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
after = state()
print(json.dumps([name for name in before if before[name] != after[name]]))
"""


@pytest.mark.long
def test_importing_changes_nothing_of_python_or_brian2(tmp_path: Path) -> None:
    """Logging, preferences, signals, warnings, environment, random numbers; the other packages are imported before."""
    others = sorted({name for path in FILES for _, name in imports(path) if name.split(".")[0] != "spikehebb"})
    assert {"brian2", "matplotlib.figure", "typer"} < set(others)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def changed(modules: list[str]) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", STATE, json.dumps(others), json.dumps(modules)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            check=True,
        )
        found: list[str] = json.loads(done.stdout)
        return found

    assert changed(sorted(MODULES)) == []
    (tmp_path / "acting.py").write_text(
        "import logging, os, signal, random, warnings, brian2\n"
        "logging.getLogger('brian2.codegen').addFilter(lambda record: True)\n"
        "os.environ['A'] = 'b'\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "random.random()\n"
        "warnings.simplefilter('ignore')\n"
        "brian2.prefs.codegen.target = 'numpy'\n"
    )
    environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    seen = ["loggers", "preferences", "signals", "warnings", "environment", "random"]
    assert changed(["acting"]) == seen


@each_file
def test_every_file_stays_below_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


CHANGING = {"softhebb/training.py", "hardware/placement.py"}  # which fill working values inside of a function


@each_file
def test_every_value_is_frozen_and_made_by_keyword(path: Path) -> None:
    if str(path.relative_to(PACKAGE)) in CHANGING:
        return
    for node in (each for each in ast.walk(syntax(path)) if isinstance(each, ast.ClassDef)):
        for decorator in (each for each in node.decorator_list if "dataclass" in ast.unparse(each)):
            given = {each.arg: ast.unparse(each.value) for each in getattr(decorator, "keywords", [])}
            assert given.get("frozen") == given.get("kw_only") == "True", node.name


def test_a_seed_is_0_where_none_is_given() -> None:
    """Of every public function and value, so that the same call gives the same numbers everywhere."""
    found = {
        f"{module.__name__}.{name}": inspect.signature(item).parameters["seed"].default
        for module in map(importlib.import_module, MODULES)
        for name, item in vars(module).items()
        if (inspect.isfunction(item) or (inspect.isclass(item) and dataclasses.is_dataclass(item)))
        and not name.startswith("_")
        if "seed" in inspect.signature(item).parameters
    }
    assert len(found) > 30
    assert {name: seed for name, seed in found.items() if seed not in (0, inspect.Parameter.empty)} == {}


def test_generic_names_are_rare() -> None:
    found = Counter(path.stem for path in FILES)
    assert {name: found[name] for name in GENERIC if found[name] > 1} == {}


def test_brian2_globals_are_touched_in_devices_only() -> None:
    seen = set()
    for path in FILES:
        names = set()
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("brian2"):
                names |= {alias.name for alias in node.names}
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "brian2":
                names.add(node.attr)
        if part(module_of(path)) == "devices":
            seen |= names & GLOBALS
        else:
            assert not names & GLOBALS, f"{path.name} touches {names & GLOBALS}"
    assert {"set_device", "prefs", "seed"} <= seen, "the check no longer sees what the devices do"


# Who may take text apart besides equations/: none of it is Brian2 text.
TAKEN_APART = {
    "cli/parse.py": "numbers, units and names of files on the command line",
    "cli/__init__.py": "an error's message",
    "cli/common.py": "what is printed, and settings on the command line",
    "core/memory.py": "what the system says of its memory",
    "datasets/csv_files.py": "tables in files",
    "datasets/idx_files.py": "names of files",
    "datasets/layouts.py": "names of files",
    "datasets/measurements.py": "tables in files",
    "datasets/spike_times.py": "spike times in files",
    "devices/cpp.py": "C++ that Brian2 has written",
    "devices/cuda.py": "CUDA that brian2cuda has written",
    "devices/translation_units.py": "C++ that Brian2 has written",
    "devices/nvcc.py": "what compilers print",
    "devices/program_key.py": "what the processor says of itself",
    "jobs/run.py": "names of files",
    "reading.py": "names of files",
    "npy.py": "headers of arrays",
    "devices/host.py": "what compilers print",
    "plot/fit.py": "lines of a legend",
    "report.py": "lines of a page",
    "simulation/programs.py": "what a program prints",
    "softhebb/torch_config.py": "names in checkpoints",
    "softhebb/torch_files.py": "names in checkpoints",
    "softhebb/torch_pickle.py": "names in checkpoints",
}
PARSERS = ("re", "ast", "tokenize", "shlex")
OF_BRIAN2 = ("brian2.equations", "brian2.parsing", "brian2.codegen", "brian2.utils", "brian2.stateupdaters")
SPLITTING = {"split", "rsplit", "splitlines", "partition", "rpartition", "replace", "translate", "count", "strip"}
HARMLESS = {".", ",", "/", "-", " ", ""}  # separators that no Brian2 text is split at
TEXTS = {
    *("equations", "threshold", "reset", "refractory", "receive", "onset", "update", "update_if", "transmit", "arrive"),
    *("synapse", "on_pre", "on_post", "pre_spike", "post_spike", "pre_epoch", "post_epoch", "needs_pre", "needs_post"),
}
ASKING = {"startswith", "endswith", "removeprefix", "removesuffix", "find", "index", "lower", "format", *SPLITTING}


def text_surgery(tree: ast.AST) -> set[str]:
    """Return what takes text apart, as code: parsers, splitting at what separates Brian2 text, asking its letters."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(name.name.startswith((*PARSERS, *OF_BRIAN2)) for name in names):
                found.add(ast.unparse(node))
            case ast.ImportFrom(module=str(module), names=names) if (
                module in PARSERS
                or module.startswith(OF_BRIAN2)
                or (module == "brian2" and any(name.name in ("Equations", "get_identifiers") for name in names))
            ):
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=field), attr=method)) if (
                field in TEXTS and method in ASKING
            ):
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join")):
                pass
            case ast.Call(func=ast.Attribute(value=ast.Name(id="dataclasses"), attr="replace")):
                pass
            case ast.Call(func=ast.Attribute(attr=method), args=[]) if method in SPLITTING - {"strip", "count"}:
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(attr=method), args=[ast.Constant(value=str(at)), *_]) if (
                method in SPLITTING and at not in HARMLESS
            ):
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(attr="split" | "rsplit" | "partition" | "rpartition"), args=[at, *_]) if (
                not isinstance(at, ast.Constant)
            ):
                found.add(ast.unparse(node))
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Attribute(attr=field)]) if field in TEXTS:
                found.add(ast.unparse(node))
    return found


@each_file
def test_every_text_of_brian2_is_taken_apart_in_equations_only(path: Path) -> None:
    if part(module_of(path)) != "equations" and str(path.relative_to(PACKAGE)) not in TAKEN_APART:
        assert not text_surgery(syntax(path))


def test_nobody_may_take_text_apart_without_need() -> None:
    for name in TAKEN_APART:
        assert text_surgery(ast.parse((PACKAGE / name).read_text())), f"{name} needs no permission"


@pytest.mark.parametrize(
    "code",
    [
        'parts = statements.replace(";", "\\n").splitlines()',
        'left, expression = line.split("=", 1)',
        'lines = [line for line in dropped.synapse.splitlines() if line.split() != ["w", ":", "1"]]',
        "import re",
        "from re import sub",
        "import ast",
        "from brian2.utils.stringtools import word_substitute",
        "from brian2.utils.stringtools import get_identifiers as names",
        "from brian2.equations.equations import Equations",
        "from brian2 import Equations, ms",
        "import brian2.parsing.statements",
        "from brian2.parsing.sympytools import str_to_sympy",
        'code.count("rand")',
        'head = line.partition(" : ")[0]',
        'model.receive.startswith("v_post")',
        'model.receive.replace("w", weight)',
        "code.replace(';', \"\\n\")",
        '"rand" in model.threshold',
        'bare = line.split("#")[0]',
        "parts = code.split(separator)",
    ],
)
def test_taking_text_apart_is_seen(code: str) -> None:
    assert text_surgery(ast.parse(code))
