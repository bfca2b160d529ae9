"""Commands for digit networks."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli import index
from spikehebb.cli.common import (
    IMAGES,
    Cells,
    Colour,
    Data,
    DataDir,
    DeviceName,
    Json,
    Limit,
    OptionalData,
    Overwrite,
    Size,
    command,
    images_of,
    into,
    known,
    page,
    print_json,
    print_warnings,
    progress,
    say,
)
from spikehebb.cli.hardware import Set, print_hardware, target_of


@command(
    IMAGES,
    "learn --data digits --neurons 100 --epochs 5 --out runs/digits",
    "learn --preset diehl-cook-100 --out runs/diehl-cook",
    "learn --data my_images --circuit lif_wta --rule stdp_pair+normalization --out runs/mine",
)
def learn(
    data: OptionalData = None,
    out: Annotated[Path | None, into("Folder for run.json, checkpoint.npz and the pictures.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            callback=known("preset"),
            help="Settings with known figures; other options change them. --presets lists them.",
        ),
    ] = None,
    presets: Annotated[bool, typer.Option("--presets", help="List the presets with their figures, and stop.")] = False,
    neurons: Annotated[int | None, typer.Option(help="Output neurons; 100, or those of --from.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images; 1 if left out.")] = None,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="Go on from a network of learn, or from a dense SoftHebb model, in spikes."),
    ] = None,
    age: Annotated[
        float | None, typer.Option(help="With --from: its neurons learn at eta/(1 + age) at first; theirs if left out.")
    ] = None,
    circuit: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.py:NAME",
            callback=known("circuit"),
            help="soft_wta (if left out), lif_wta, diehl_cook, nessler, or your own.",
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            callback=known("rule"),
            help="A name that 'spikehebb rules' lists, or FILE.py:NAME; the circuit's own if left out.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter, as in circuit.temperature=0.01, rule.eta=0.05, presentation=100ms, or a limit of "
            "--target, as in target.conductance_states=32.",
        ),
    ] = None,
    front: Annotated[
        str | None,
        typer.Option(
            help="What stands before the network: edges, or columns, a first layer that learns from patches in spikes."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Learn under the limits of a chip of hardware list; then the rule fits chips, too."),
    ] = None,
    weight_bits: Annotated[int | None, typer.Option(help="With --target: of a weight, instead of the chip's.")] = None,
    trace_bits: Annotated[int | None, typer.Option(help="With --target: of a trace, instead of the chip's.")] = None,
    rounding: Annotated[str | None, typer.Option(help="With --target: nearest or stochastic.")] = None,
    replicas: Annotated[
        int | None,
        typer.Option(help="Learn so many networks as replicas, of seed, seed + 1, ..., each into a folder of its own."),
    ] = None,
    data_dir: DataDir = None,
    size: Size = None,
    colour: Colour = False,
    cells: Cells = None,
    limit_train: Limit = None,
    limit_test: Limit = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Let a spiking network learn images without labels, then score it."""
    if presets:
        _list_presets(as_json)
        return
    from spikehebb import devices, jobs, plot
    from spikehebb.cli import parse

    known = None if preset is None else jobs.find_preset(preset)
    data = data or (known.data if known else None)
    if data is None or out is None:
        raise ValueError(
            "learn needs --data (digits, mnist, a path of your own ...) or --preset, and --out, the folder of the run."
        )
    if replicas is not None and from_ is not None:
        raise ValueError("--replicas begin with random weights; leave out --from, or go on with one after another.")
    start = _start(from_, age, neurons)
    asked: dict[str, Any] = {
        "neurons": neurons,
        "epochs": epochs,
        "seed": seed,
        "parameters": parse.changes(set_ or []),
    }
    asked |= {"circuit": circuit and parse.circuit(circuit), "rule": rule and parse.own_or_name(rule)}
    asked |= {
        "front": front,
        "target": target,
        "weight_bits": weight_bits,
        "trace_bits": trace_bits,
        "rounding": rounding,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if target is not None and rule is None:
        given |= jobs.chip_rule(target, circuit or "soft_wta")
    settings = (
        known.made(**given) if known else jobs.Settings(**given)
    )  # what is wrong with them need not wait for the images
    where = devices.find(device)
    train, test = (
        images_of(data, part, data_dir, limit, size, grey=not colour, cells=cells, events=True)
        for part, limit in (("train", limit_train), ("test", limit_test))
    )
    if known and known.data != data:
        say(f"spikehebb: the figure of preset {known.name} is of {known.data}; on {data} it has none.", err=True)
    if device == "auto":
        where = _advised(settings, train, replicas)
    several = len(jobs.networks_of(settings)) > 1
    if replicas is not None or (several and start is None):
        title = f"{settings.neurons} neurons each after {settings.epochs} x {len(train)} images of {data}"
        _learn_replicas(
            train, test, settings, 1 if replicas is None else replicas, where, out, overwrite, as_json, title
        )
        return
    if start is not None:
        settings = start.settings(train, **given)
    with progress() as tell, jobs.held(out):
        run = jobs.learn_digits(
            train, test, settings, start=start, device=where, out=out, overwrite=overwrite, progress=tell
        )
        tell("drawing", 0)
        pictures = [*plot.digit_pictures(run, test, out), page(out)]
        tell("drawing", 1)
    print_warnings(run.report)
    if as_json:
        print_json(run.report)
        return
    origin = "" if from_ is None else f" that went on from {from_}"
    title = f"{settings.neurons} neurons{origin} after {settings.epochs} x {len(train)} images of {data}"
    _print_scores(title, run.report["metrics"])
    for path in [out / "run.json", out / "checkpoint.npz", *pictures]:
        say(f"  {path}")


@command(IMAGES, "evaluate runs/digits --data digits --json")
def evaluate(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="A checkpoint, or the folder of a run; several are one table, with --target.")
    ],
    data: Data,
    device: Annotated[str | None, typer.Option(help="The one it was trained on when left out.")] = None,
    target: Annotated[str | None, typer.Option(help="Count, too, what it costs: on a chip of hardware list.")] = None,
    set_: Set = None,
    replicas: Annotated[
        int | None, typer.Option(help="Distribute the images over so many replicas of the network.")
    ] = None,
    circuit: Annotated[str | None, typer.Option(help="FILE.py:NAME, of a network that learned with it.")] = None,
    rule: Annotated[str | None, typer.Option(help="FILE.py:NAME, of a network that learned with it.")] = None,
    data_dir: DataDir = None,
    size: Size = None,
    colour: Colour = False,
    cells: Cells = None,
    limit_test: Limit = None,
    out: Annotated[
        Path | None, typer.Option(help="Of several: a folder for comparison.json, comparison.csv and the picture.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score saved networks again, and count what they cost. Several vote together, or are compared on a --target."""
    from spikehebb import jobs
    from spikehebb.cli import parse

    if set_ and target is None:
        raise ValueError("--set changes a limit of a chip; name one with --target.")
    chip = None if target is None else target_of(target, set_ or ())
    own: dict[str, Any] = {
        "circuit": None if circuit is None else parse.circuit(circuit),
        "rule": None if rule is None else parse.own_or_name(rule),
    }
    paths = [path for given in dict.fromkeys(checkpoints) for path in jobs.folders(given)]
    if len(paths) > 1 and replicas is not None:
        raise ValueError("--replicas are of one network; leave them out, or evaluate these networks one by one.")
    if out is not None and (len(paths) == 1 or chip is None):
        raise ValueError("--out is for the table of several networks on a --target; give these, or use --json.")
    every = {str(path): jobs.read(path, **own) for path in paths}
    test = images_of(data, "test", data_dir, limit_test, size, grey=not colour, cells=cells, events=True)
    if chip is not None and len(every) > 1:
        _compare(every, test, chip, device, out, as_json)
        return
    with progress() as tell:
        if len(every) > 1:
            result = jobs.vote_together(list(every.values()), test, device=device, progress=tell)
            title = f"{len(every)} networks together"
        else:
            ((title, trained),) = every.items()
            result = jobs.evaluate(trained, test, device=device, replicas=replicas, target=chip, progress=tell)
    if as_json:
        print_json(result)
    else:
        _print_scores(f"{title} on {len(test)} test images of {data}", result["metrics"])
        if chip is not None:
            print_hardware(result["hardware"])


def _compare(every: Any, test: Any, chip: Any, device: str | None, out: Path | None, as_json: bool) -> None:
    """Print several networks as one table; write it, and draw it, where a folder is given."""
    from spikehebb import jobs, plot
    from spikehebb.checkpoint import write_json, write_whole

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # which may fail, and evaluating may take long
    with progress() as tell:
        report = jobs.compare(every, test, chip, device=device, progress=tell)
    table = jobs.comparison_table(report)
    written = []
    if out is not None:
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(table)
        write_json(out / "comparison.json", report)
        write_whole(out / "comparison.csv", lambda file: file.write(lines.getvalue().encode()))
        written = [out / "comparison.json", out / "comparison.csv"]
        written.append(plot.save(plot.comparison(report), out / "comparison.png"))
    if as_json:
        print_json(report)
        return
    for row in table:
        cells = (f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row)
        say("  ".join(f"{cell:>22}" for cell in cells))
    for name, summary in report["energy_tables"].items():
        say(f"  energy of {name}: {summary}; an order of magnitude")
    for path in written:
        say(f"  {path}")


def _list_presets(as_json: bool) -> None:
    """Print the presets with their figures and commands."""
    every = index.catalogue()["preset"].values()
    if as_json:
        print_json([{name: value for name, value in preset.items() if name != "figure"} for preset in every])
        return
    for preset in every:
        published = "" if preset["published"] is None else f"; published {preset['published']} %"
        say(f"{preset['name']:18} {preset['data']:14} {preset['figure']}{published}")
        say(f"  {preset['summary']} ({preset['source']})")
        say(f"  {preset['command']}")


def _learn_replicas(
    train: Any,
    test: Any,
    settings: Any,
    replicas: int,
    device: Any,
    out: Path,
    overwrite: bool,
    as_json: bool,
    title: str,
) -> None:
    """Let networks of consecutive seeds, or of windows, learn side by side, and print the scores of each."""
    from spikehebb import jobs, plot

    if replicas < 1:
        raise ValueError(f"--replicas must be at least 1, got {replicas}.")
    seeds = range(settings.seed, settings.seed + replicas)
    each = [one for seed in seeds for one in jobs.networks_of(dataclasses.replace(settings, seed=seed))]
    with progress() as tell, jobs.held(out):
        learned = jobs.learn_digits(train, test, each, device=device, out=out, overwrite=overwrite, progress=tell)
        for number, (run, folder) in enumerate(zip(learned.runs, learned.folders, strict=True)):
            plot.digit_pictures(run, test, out / folder)
            page(out / folder)
            tell("drawing", (number + 1) / len(each))
        page(out)
    for run, folder in zip(learned.runs, learned.folders, strict=True):
        print_warnings(run.report, f"{folder}: ")
    if as_json:
        print_json(learned.summary)
        return
    say(f"{len(each)} networks side by side: {title}")
    for run, folder in zip(learned.runs, learned.folders, strict=True):
        say(f"  {folder:24} accuracy_vote {100 * run.report['metrics']['accuracy_vote']:.2f} %")
    for name, mean in learned.summary["mean"].items():
        spread = learned.summary["standard_deviation"][name]
        say(f"  {name:24} {100 * mean:.2f} ± {100 * spread:.2f} %")
    say(f"  {'ms_per_image_train':24} {learned.summary['ms_per_image_train']:.4g}")
    if "together" in learned.summary:
        _print_scores("all neurons together", learned.summary["together"])
    for path in [out / "summary.json", *(out / folder for folder in learned.folders)]:
        say(f"  {path}")


def _advised(settings: Any, train: Any, replicas: int | None) -> Any:
    """Choose a device, and print the reason."""
    from spikehebb import devices, jobs

    advice = jobs.advise(settings, train, replicas=max(1, replicas or 1))
    slow = advice.device is devices.NUMPY
    say(f"spikehebb: {devices.SLOW if slow else f'device {advice.reason.removesuffix(".")}.'}", err=True)
    return advice.device


def _start(path: Path | None, age: float | None, neurons: int | None) -> Any:
    """Return the network that learning goes on from, if there is one."""
    from spikehebb import jobs

    if path is None:
        if age is not None:
            raise ValueError("--age is for networks that learning goes on from; give one with --from.")
        return None
    start = jobs.load_start(path)
    size = start.weights.shape[1]
    if neurons not in (None, size):
        raise ValueError(f"{path} has {size} neurons, but --neurons says {neurons}; leave --neurons out with --from.")
    return start if age is None else start.with_age(age)


def _print_scores(title: str, scores: dict[str, Any]) -> None:
    say(title)
    for name, value in scores.items():
        text = f"{100 * value:.2f} %" if name.startswith("accuracy") else f"{value:.4g}"
        say(f"  {name:24} {text}")
