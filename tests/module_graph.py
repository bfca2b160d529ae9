"""Which module of the package imports which, as its source says, imports inside functions included."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import spikehebb

PACKAGE = Path(spikehebb.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """Return the name of a module, as ``import`` takes it."""
    parts = ("spikehebb", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Yield every import statement of a file with each module that it names."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node, inner if inner in MODULES else str(node.module)


def imported(module: str) -> set[str]:
    """Return the modules of this package that a module imports, without the packages they lie in."""
    return {name for _, name in imports(MODULES[module]) if name in MODULES}


def closure(module: str) -> set[str]:
    """Return the modules of this package that importing a module runs, packages included."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += [*imported(name), *([name.rpartition(".")[0]] if "." in name else [])]
    return seen


def each_file(check: Callable[[Path], None]) -> Callable[[], None]:
    """Make one test of a check of a file: it fails with the files that do, and the reasons."""

    def test() -> None:
        failed = {}
        for path in FILES:
            try:
                check(path)
            except AssertionError as error:
                failed[str(path.relative_to(PACKAGE))] = str(error)
        assert not failed, "\n".join(f"{name}: {reason}" for name, reason in failed.items())

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return test
