"""What the commands share: options, progress, output."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typer.core import TyperGroup

from spikehebb import __version__
from spikehebb.cli import index
from spikehebb.reading import printable
from spikehebb.signals import ended_by_signals

RULES, IMAGES, RUNS = "Learning rules", "Networks that learn images", "Many runs"
CHIPS, MACHINE = "Chips and other tools", "This machine"
_HEADINGS = (RULES, IMAGES, RUNS, CHIPS, MACHINE)
_FIRST = ("rules", "window", "learn", "sweep", "check", "doctor")  # below their headings
ALSO = ("svg", "pdf")  # formats of pictures beside PNG


class Stopped(KeyboardInterrupt):
    """An interruption that says what becomes of the work."""


class Interruptible(TyperGroup):
    """Commands that SIGTERM and SIGHUP end as Ctrl-C does: with a word, and exit code 130."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in the order of their headings."""
        names = super().list_commands(ctx)
        headings = {name: getattr(self.commands[name], "rich_help_panel", None) for name in names}
        places: dict[Any, int] = {heading: place for place, heading in enumerate(_HEADINGS)}
        return sorted(names, key=lambda name: (places.get(headings[name], -1), name not in _FIRST))

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            with ended_by_signals():
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:  # typer would exit with 1, and without a word
            say(f"spikehebb: interrupted{f'; {stop}' if isinstance(stop, Stopped) else ''}.", err=True)
            raise typer.Exit(130) from None


commands = typer.Typer(
    cls=Interruptible,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        say(f"spikehebb {__version__}")
        raise typer.Exit


def _pictures(words: str) -> str:
    for word in filter(None, words.split(",")):
        if word not in ALSO:
            raise typer.BadParameter(f"{word!r} is none of {', '.join(ALSO)}; pictures are .png in any case.")
    os.environ["SPIKEHEBB_PICTURES"] = words  # for whoever draws, also in other processes
    return words


@commands.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version, and stop.")
    ] = False,
    pictures: Annotated[
        str,
        typer.Option(
            metavar="svg|pdf|svg,pdf",
            envvar="SPIKEHEBB_PICTURES",
            callback=_pictures,
            help="Save each picture of the command in these formats, too.",
        ),
    ] = "",
) -> None:
    """Local learning in spiking networks: STDP windows, spiking winner-take-all digits, export."""


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]


def known(what: str) -> Callable[[str | None], str | None]:
    """Return the callback of an option that is a name: one that is the name of nothing is refused at once."""

    def check(word: str | None) -> str | None:
        return index.check(what, word)

    return check


def names(what: str) -> Callable[[], list[str]]:
    """Return what completes an option that is a name."""
    return lambda: list(index.catalogue()[what])


def command(
    panel: str | None, *examples: str, name: str | None = None, group: typer.Typer = commands
) -> Callable[[Any], Any]:
    """Return the decorator of a command: under which heading the help lists it, and the examples that it shows."""
    lines = [f"spikehebb {example}" for example in examples]
    return group.command(name, rich_help_panel=panel, epilog="\n\n".join(["For example:", *lines]))


DEVICES = "auto|numpy|cpp|cuda|cuda-single"
DeviceName = Annotated[
    str,
    typer.Option(
        "--device",
        metavar=DEVICES,
        callback=known("device"),
        help="Where it runs; auto is cpp where a compiler is found.",
    ),
]
_DATA = typer.Option(
    metavar="NAME|PATH",
    callback=known("data set"),
    autocompletion=names("data set"),
    help="digits, mnist, fashion-mnist, cifar10 or stl10; or a path of your own: a folder of train/CLASS/IMAGE and "
    "test/CLASS/IMAGE, IDX files, .npz or .csv. docs/data.md lists what is recognised.",
)
Data = Annotated[str, _DATA]
OptionalData = Annotated[str | None, _DATA]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the official files.")]
Size = Annotated[
    int | None, typer.Option(help="Cut the largest square from the middle of all images, and scale it to N x N pixels.")
]
Colour = Annotated[bool, typer.Option("--colour", help="Keep the colours of images; without it they become grey.")]
Cells = Annotated[
    int | None,
    typer.Option(help="Of a table of features: units that code each; 10 when left out. Given, rows are features."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace another run in the folder, or this one where it is finished.")
]
Limit = Annotated[int | None, typer.Option(help="Take only N images: always the same, as many of each class.")]


def into(help: str) -> Any:
    """Return the option that names the folder of a run."""

    def folder(word: str) -> Path:
        if not word.strip():
            raise typer.BadParameter("the name of the folder is empty.")
        return Path(word)

    return typer.Option("--out", parser=folder, metavar="FOLDER", help=help)


@contextmanager
def progress(interrupted: str = "the same command goes on where it stopped") -> Iterator[Callable[[str, float], None]]:
    """Show a bar per stage with the time left, on standard error, and a message when it is interrupted."""
    from spikehebb.jobs.run import FINISHED

    columns = (TextColumn("{task.description:10}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(
        *columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True)
    ) as bars:
        tasks: dict[str, Any] = {}

        def tell(stage: str, fraction: float) -> None:
            if stage == FINISHED:
                bars.console.print("spikehebb: this run was finished before; --overwrite does it again.")
                return
            if stage not in tasks:
                tasks[stage] = bars.add_task(printable(stage), total=1.0)
            bars.update(tasks[stage], completed=min(fraction, 1.0))

        try:
            yield tell
        except KeyboardInterrupt:
            bars.stop()
            raise Stopped(interrupted) from None


def say(text: str, *, err: bool = False) -> None:
    """Print lines; what could move the cursor or change a colour is written as text."""
    for line in text.splitlines() or [""]:
        typer.echo(printable(line, len(line)), err=err)


def images_of(
    data: str,
    part: str,
    data_dir: Path | None,
    limit: int | None,
    size: int | None = None,
    *,
    grey: bool = False,
    cells: int | None = None,
    events: bool = False,
) -> Any:
    """Return the images of a data set or of a path, or a sample of them; or events, where a command takes these."""
    from spikehebb.datasets import load_some

    if limit is not None and limit < 1:
        raise ValueError(f"--limit-{part} must be at least 1, got {limit}.")
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        images = load_some(data, part, limit=limit, data_dir=data_dir, size=size, grey=grey, cells=cells, events=events)
    for notice in noticed:
        say(f"spikehebb: {notice.message}", err=True)
    return images


def page(out: Path) -> Path:
    """Write the page about the run in a folder, with the command that was typed."""
    from spikehebb import report

    return report.write(out, command=report.typed(sys.argv[1:]))


def print_warnings(report: Any, prefix: str = "") -> None:
    """Print what went wrong in learning, on standard error."""
    for sentence in report.get("health", {}).get("warnings", ()):  # version 0.1 had none
        say(f"spikehebb: {prefix}{sentence}", err=True)


def print_json(content: Any) -> None:
    """Print a result and nothing else."""
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


def pairs(settings: Sequence[str], takes: str) -> dict[str, str]:
    """Return what every ``--set`` gives, as texts by name; raise ``ValueError`` if one gives nothing or is repeated."""
    found: dict[str, str] = {}
    for setting in settings:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not equals:
            raise ValueError(f"--set takes {takes}, got {setting!r}.")
        if key in found:
            raise ValueError(f"--set gives {key} twice, {found[key]} and {value}; leave one of them out.")
        found[key] = value
    return found
