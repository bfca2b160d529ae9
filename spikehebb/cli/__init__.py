"""The command line. Each command calls one public function and adds only files and text output."""

from __future__ import annotations

import sys

import typer

from spikehebb.cli import conversion, digits, export, fitting, hardware, machine, rules, softhebb, study
from spikehebb.cli.common import commands

__all__ = [
    "app",
    "commands",
    "conversion",
    "digits",
    "export",
    "fitting",
    "hardware",
    "machine",
    "rules",
    "softhebb",
    "study",
]


def app() -> None:
    """Run the command line; every foreseeable failure is one sentence on standard error."""
    try:
        commands(prog_name="spikehebb")
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        typer.echo(f"spikehebb: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
