"""How Brian2 is imported: without what its import does to a process.

It would run the ``brian_preferences`` of the working folder as Python, take over Ctrl-C and uncaught exceptions, and
write a debug log and a copy of the script, which a killed process leaves behind. Nor does it import pylab, half a
second, until somebody asks Brian2 for one of its names. Where Brian2 was imported before, nothing is changed.
"""

import contextlib
import importlib
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_PREFERENCES = Path(__file__).parent / "devices" / "brian2"  # a folder with nothing but a file of preferences


class _Brian2:
    """Finds Brian2 where others do, and lets it be executed in the folder of the toolkit's preferences."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return how Brian2 is imported; of any other module, nothing."""
        if name != "brian2":
            return None
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = partial(_tamed, spec.loader.exec_module)  # type: ignore[method-assign]
        return spec


def _tamed(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Execute Brian2's module, then give back what it has taken over."""
    interrupted, uncaught = signal.getsignal(signal.SIGINT), sys.excepthook
    with contextlib.chdir(_PREFERENCES), _without_pylab(module):
        execute(module)
    if signal.getsignal(signal.SIGINT) is not interrupted:
        signal.signal(signal.SIGINT, interrupted)
    sys.excepthook = uncaught


@contextlib.contextmanager
def _without_pylab(module: ModuleType) -> Iterator[None]:
    """Let a module that takes all names of pylab have them when it is first asked for a name that it lacks."""
    if "pylab" in sys.modules:
        yield
        return

    def late(name: str) -> Any:
        if name.startswith("__") and name != "__all__":  # which ``from brian2 import *`` asks for
            raise AttributeError(name)
        del module.__getattr__
        for known, value in vars(importlib.import_module("pylab")).items():
            if not known.startswith("_"):
                vars(module).setdefault(known, value)
        return getattr(module, name)

    sys.modules["pylab"] = None  # type: ignore[assignment]  # not to be found: NumPy's names will do
    try:
        yield
    finally:
        del sys.modules["pylab"]
    module.__getattr__ = late  # type: ignore[method-assign]


def tame() -> None:
    """Let Brian2 be imported so, from whatever module it is first imported."""
    if "brian2" not in sys.modules:
        sys.meta_path.insert(0, _Brian2())
