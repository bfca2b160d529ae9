"""The command line. Each command calls one public function; files and words are all that is added here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

commands = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Local learning in spiking networks: STDP windows, spiking winner-take-all digits, export.",
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, numpy, cpp or cuda.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the official files.")]
Limit = Annotated[int | None, typer.Option(help="Take only the first N images.")]


@commands.command()
def learn(
    data: Annotated[str, typer.Option(help="digits, mnist or fashion-mnist.")],
    out: Annotated[Path, typer.Option(help="Folder for run.json, checkpoint.npz and the pictures.")],
    neurons: Annotated[int, typer.Option(help="Output neurons.")] = 100,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 1,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    data_dir: DataDir = None,
    limit_train: Limit = None,
    limit_test: Limit = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another run in the folder.")] = False,
    as_json: Json = False,
) -> None:
    """Let a spiking soft winner-take-all network teach itself images, and score it."""
    from spikehebb import devices, experiments, plot

    settings = experiments.Settings(neurons=neurons, epochs=epochs, seed=seed)
    where = devices.find(device)
    if device == "auto" and where is devices.NUMPY:
        typer.echo(f"spikehebb: {devices.SLOW}", err=True)
    train, test = (
        _images(data, part, data_dir, limit) for part, limit in (("train", limit_train), ("test", limit_test))
    )
    with _progress() as tell:
        run = experiments.learn_digits(train, test, settings, device=where, out=out, overwrite=overwrite, progress=tell)
        tell("drawing", 0)
        pictures = plot.digit_pictures(run, test, out)
        tell("drawing", 1)
    if as_json:
        _print_json(run.report)
        return
    _print_scores(f"{neurons} neurons after {epochs} x {len(train)} images of {data}", run.report["metrics"])
    for path in [out / "run.json", out / "checkpoint.npz", *pictures]:
        typer.echo(f"  {path}")


@commands.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run.")],
    data: Annotated[str, typer.Option(help="digits, mnist or fashion-mnist.")],
    device: Annotated[str | None, typer.Option(help="The one it was trained on when left out.")] = None,
    data_dir: DataDir = None,
    limit_test: Limit = None,
    as_json: Json = False,
) -> None:
    """Score a saved network again."""
    from spikehebb import devices, experiments

    trained = experiments.load_digits(checkpoint)
    where = None if device is None else devices.find(device)
    test = _images(data, "test", data_dir, limit_test)
    with _progress() as tell:
        result = experiments.evaluate(trained, test, device=where, progress=tell)
    if as_json:
        _print_json(result)
    else:
        _print_scores(f"{checkpoint} on {len(test)} test images of {data}", result["metrics"])


@commands.command()
def window(
    rule: Annotated[str, typer.Argument(help="Name of a rule; 'spikehebb rules' lists them.")],
    out: Annotated[Path, typer.Option(help="Folder for window.json and the picture.")],
    repeats: Annotated[int, typer.Option(help="Pairings.")] = 1,
    frequency: Annotated[float, typer.Option(help="Of the pairings, in Hz.")] = 1.0,
    device: DeviceName = "numpy",
    as_json: Json = False,
) -> None:
    """Draw the STDP window of a rule: the change of a weight against the lag t_post - t_pre."""
    from brian2 import Hz, ms

    from spikehebb import checkpoint, devices, experiments, plot, rules

    value = rules.find(rule)
    if not frequency > 0:
        raise ValueError(f"--frequency must be above 0, got {frequency}.")
    where = devices.find(device)
    out.mkdir(parents=True, exist_ok=True)
    measured = experiments.stdp_window(value, repeats=repeats, frequency=frequency * Hz, device=where)
    content = {
        "rule": rule,
        "parameters": {name: str(number) for name, number in value.parameters.items()},
        "lags_ms": [float(lag) for lag in measured.lags / ms],
        "dw": measured.dw.tolist(),
        "repeats": repeats,
        "frequency_hz": frequency,
        "w0": measured.w0,
        "device": where.name,
        "versions": experiments.versions(),
    }
    checkpoint.write_json(out / "window.json", content)
    picture = plot.save(plot.stdp_window(measured, value), out / f"window_{rule}.png")
    if as_json:
        _print_json(content)
    else:
        typer.echo(f"  {out / 'window.json'}\n  {picture}")


@commands.command()
def rules(
    name: Annotated[str | None, typer.Argument(help="Show one rule in full.")] = None, as_json: Json = False
) -> None:
    """List the learning rules, or show one with its equations, parameters and reference."""
    from spikehebb import rules as catalogue

    chosen = [catalogue.find(name)] if name else list(catalogue.RULES.values())
    if as_json:
        _print_json([_rule_as_json(rule) for rule in chosen])
        return
    for rule in chosen:
        typer.echo(f"{rule.name:12} {rule.summary}")
        if name:
            for key, value in _rule_as_json(rule).items():
                if key not in ("name", "summary") and value:
                    typer.echo(f"\n{key}")
                    lines = [f"{k} = {v}" for k, v in value.items()] if isinstance(value, dict) else value.split("\n")
                    typer.echo("\n".join(f"    {line.strip()}" for line in lines))


@commands.command()
def doctor(
    as_json: Json = False,
    clear_cache: Annotated[bool, typer.Option("--clear-cache", help="Delete compiled programs.")] = False,
) -> None:
    """Say what works on this machine, what does not, and what to do about it."""
    from spikehebb import programs
    from spikehebb.doctor import examine

    if clear_cache:
        typer.echo(f"deleted {programs.clear() / 1e6:.0f} MB of compiled programs", err=True)
    findings = examine()
    if as_json:
        _print_json([vars(finding) for finding in findings])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "what", "found", "what to do"):
        table.add_column(title)
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[yellow]--[/]"
        table.add_row(mark, finding.what, finding.found, finding.remedy)
    Console().print(table)


def app() -> None:
    """Run the command line; every foreseeable failure is one sentence on standard error."""
    try:
        commands(prog_name="spikehebb")
    except (ValueError, OSError, RuntimeError) as error:
        typer.echo(f"spikehebb: {' '.join(str(error).split())}", err=True)
        sys.exit(2)


def _images(name: str, part: str, data_dir: Path | None, limit: int | None) -> Any:
    from spikehebb.datasets import load

    if limit is not None and limit < 1:
        raise ValueError(f"--limit-{part} must be at least 1, got {limit}.")
    images = load(name, part, data_dir=data_dir)
    return images if limit is None else images[:limit]


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Show a bar per stage with the time left, on standard error."""
    columns = (TextColumn("{task.description:10}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(
        *columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True)
    ) as bars:
        known: dict[str, Any] = {}

        def tell(stage: str, fraction: float) -> None:
            if stage not in known:
                known[stage] = bars.add_task(stage, total=1.0)
            bars.update(known[stage], completed=min(fraction, 1.0))

        try:
            yield tell
        except KeyboardInterrupt:  # typer would exit without a word
            bars.stop()
            typer.echo("spikehebb: interrupted; the same command goes on where it stopped.", err=True)
            raise typer.Exit(130) from None


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


def _print_scores(title: str, scores: dict[str, Any]) -> None:
    typer.echo(title)
    for name, value in scores.items():
        text = f"{100 * value:.2f} %" if name.startswith("accuracy") else f"{value:.4g}"
        typer.echo(f"  {name:24} {text}")


def _rule_as_json(rule: Any) -> dict[str, Any]:
    names = (
        "name",
        "summary",
        "pre",
        "pre_spike",
        "post",
        "post_spike",
        "synapse",
        "on_pre",
        "on_post",
        "needs",
    )
    content = {name: getattr(rule, name).strip() for name in names}
    parameters = {name: str(value) for name, value in rule.parameters.items()}
    return {**content, "parameters": parameters, "ties": rule.ties, "reference": rule.reference}
