"""The command line. Each command calls one public function and adds only files and text output."""

from __future__ import annotations

import errno
import io
import sys
import tempfile
import traceback
from pathlib import Path

import typer

from spikehebb.cli import (
    associate,
    conversion,
    digits,
    export,
    fitting,
    hardware,
    layers,
    machine,
    moving_bar,
    nir,
    reward,
    rules,
    softhebb,
    softhebb_look,
    study,
    sweeps,
    zoo,
)
from spikehebb.cli.common import commands, say
from spikehebb.reading import printable

__all__ = [
    "app",
    "associate",
    "commands",
    "conversion",
    "digits",
    "export",
    "fitting",
    "hardware",
    "layers",
    "machine",
    "moving_bar",
    "nir",
    "reward",
    "rules",
    "softhebb",
    "softhebb_look",
    "study",
    "sweeps",
    "zoo",
]


_LONGEST, _LONGEST_WORD = 2000, 300  # letters of a message and of a word in it
BUG = 70  # exit code of an error that is the toolkit's own, as sysexits.h has it
_ADVICE = {
    errno.EACCES: "take a file or folder of your own, or change its permissions",
    errno.EPERM: "take a file or folder of your own, or change its permissions",
    errno.EROFS: "give a folder that can be written to",
    errno.ENOENT: "check its name",
    errno.ENOTDIR: "check its name",
    errno.EISDIR: "give a file",
    errno.EEXIST: "give another name",
    errno.ENOSPC: "make room on the disk, or give a folder on another one",
    errno.EDQUOT: "make room on the disk, or give a folder on another one",
    errno.EFBIG: "raise the limit for the size of files, or give a folder on another disk",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EMFILE: "close other programs, or raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close other programs, or raise the limit of open files (ulimit -n)",
}


def app() -> None:
    """Run the command line; every foreseeable failure is one sentence on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # letters that the terminal's alphabet lacks
    try:
        commands(prog_name="spikehebb")
    except (RecursionError, NotImplementedError, UnicodeError) as error:
        _unforeseen(error)
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        say(f"spikehebb: {_sentence(error)}", err=True)
        sys.exit(2)
    except Exception as error:
        _unforeseen(error)


def _sentence(error: Exception) -> str:
    """Return an error as one line, also where the system's own words are all there is."""
    message = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        what = f"{error.filename}: " if error.filename is not None else ""
        advice = _ADVICE.get(error.errno)
        message = f"{what}{error.strerror}{f'; {advice}' if advice else ''}."
    if isinstance(error, MemoryError) and not message.endswith("."):  # no sentence of the toolkit's own
        reason = f" ({message})" if message else ""
        message = f"there is not enough memory{reason}; take less at a time, or a machine with more."
    words = (printable(word, _LONGEST_WORD) for word in message.split(" "))
    return printable(" ".join(words) or type(error).__name__, _LONGEST)


def _unforeseen(error: Exception) -> None:
    """Report an error that nobody has foreseen, with a file that can be sent, and end."""
    report = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="spikehebb-error-", suffix=".txt", delete=False) as file:
            path = file.name
        Path(path).write_text(f"{sys.argv}\n{sys.version}\n\n{report}", encoding="utf-8", errors="backslashreplace")
        where = f"please send the file {path}, which says where"
    except OSError:
        typer.echo(ascii(report), err=True)
        where = "please send the lines above, which say where"
    reason = f"{type(error).__name__}: {_sentence(error)}".rstrip(".")
    say(f"spikehebb: this is an error of spikehebb, not of yours ({reason}); {where}.", err=True)
    sys.exit(BUG)
