"""Brian2 as a command imports it, without two side effects of its import."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from typing import Any

import typer
from typer.core import TyperCommand

_PREFERENCES = "brian_preferences"  # in the working folder, which Brian2 runs as Python


def import_brian2() -> None:
    """Import Brian2 without preferences of the working folder, and keep the handler of Ctrl-C."""
    handler = signal.getsignal(signal.SIGINT)
    with contextlib.chdir(sys.prefix) if os.path.lexists(_PREFERENCES) else contextlib.nullcontext():
        importlib.import_module("brian2")
    signal.signal(signal.SIGINT, handler)


class Command(TyperCommand):
    """A command that imports Brian2 once its arguments are right: asking for help stays fast."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        import_brian2()
        return super().invoke(ctx)


def use_brian2(commands: typer.Typer) -> None:
    """Let all commands import Brian2 like this."""
    for command in commands.registered_commands:
        command.cls = Command
    for group in commands.registered_groups:
        if group.typer_instance:
            use_brian2(group.typer_instance)
