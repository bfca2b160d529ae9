"""Few files to compile instead of many: headers take most of a compiler's time, once per file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

UNITS = ("unit_main", "unit_code")
_MAIN = ("objects", "synapses_classes", "rand", "main")  # what runs once, and need not be fast
_STEPS = ("network", "run")


def write_units(
    folder: Path, suffix: str, *, follows: str = "", libraries: tuple[str, ...] = (), support: str = ""
) -> None:
    """Put the files of a Brian2 project into two: what happens once, and what happens in every step.

    Each code object defines helpers of the same names, hence a namespace for each, and a function outside of it.

    Parameters
    ----------
    folder : path
    suffix : str
        Of the project's files, ``.cpp`` or ``.cu``.
    follows : str
        The prefix of files that use what another file defines, and so share its namespace.
    libraries : tuple of str
        Further files that belong to the second unit.
    support : str
        A header that both units begin with, whose functions in the namespace ``spikehebb`` stand for those of the C
        library in code objects.
    """
    main = [f"{name}{suffix}" for name in _MAIN if (folder / f"{name}{suffix}").exists()]
    head = f'#include "{support}"\n' if support else ""
    (folder / f"unit_main{suffix}").write_text(head + "".join(f'#include "{name}"\n' for name in main))
    sources = {file.stem: file.read_text() for file in sorted((folder / "code_objects").glob(f"*{suffix}"))}
    headers = {file.stem: file.read_text() for file in (folder / "code_objects").glob("*.h")}
    steps = [*(f"{name}{suffix}" for name in _STEPS), *libraries]
    code = (
        head
        + _joined(sources, headers, suffix, follows, "using spikehebb::exp; using spikehebb::pow;" if support else "")
        + "".join(f'#include "{name}"\n' for name in steps)
    )
    (folder / f"unit_code{suffix}").write_text(code)


def _joined(sources: Mapping[str, str], headers: Mapping[str, str], suffix: str, follows: str, uses: str) -> str:
    includes: set[str] = set()
    body: list[str] = []
    for name in sources:
        if follows and name.startswith(follows):
            continue
        parts = [name, *([f"{follows}{name}"] if follows and f"{follows}{name}" in sources else [])]
        body += [f"namespace unit_{name} {{", uses, *(f'#include "code_objects/{part}{suffix}"' for part in parts), "}"]
        for part in parts:
            files = re.findall(r"^\s*#include\s*([<\"](?!code_objects/)[^>\"]+[>\"])", sources[part], re.MULTILINE)
            includes |= {f"#include {file}" for file in files}
            body += [f"#undef {macro}" for macro in re.findall(r"^\s*#define\s+(\w+)", sources[part], re.MULTILINE)]
            for function in re.findall(r"^\s*void (\w+)\(\);", headers[part], re.MULTILINE):
                body.append(f"void {function}() {{ unit_{name}::{function}(); }}")
    return "\n".join([*sorted(includes), *body, ""])
