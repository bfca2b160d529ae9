"""Commands about chips: what they can hold, whether a network fits, and the network in their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli import index
from spikehebb.cli.common import CHIPS, Json, Overwrite, command, commands, into, known, pairs, print_json, say

hardware = typer.Typer(no_args_is_help=True, help="Chips: what they can hold, every number with its source.")
commands.add_typer(hardware, name="hardware", rich_help_panel=CHIPS)

Checkpoint = Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run.")]
TargetName = Annotated[
    str, typer.Option("--target", metavar="CHIP", callback=known("target"), help="A name that 'hardware list' shows.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="LIMIT=VALUE", help="Another limit, as in weight_bits=4; none takes it away."),
]


def target_of(name: str, settings: Sequence[str] = ()) -> Any:
    """Return a target by name, with the limits of ``--set`` changed."""
    from spikehebb import hardware as chips

    target = chips.find(name)
    given = pairs(settings, "limit=value, as in --set weight_bits=4")
    return target.with_limits(**{key: chips.read_limit(key, word) for key, word in given.items()})


@command(None, "hardware list", name="list", group=hardware)
def list_(as_json: Json = False) -> None:
    """List the chips."""
    listed = index.catalogue()["target"]
    if as_json:
        print_json(listed)
        return
    for name, summary in listed.items():
        say(f"{name:14} {summary}")


@command(None, "hardware show loihi1", group=hardware)
def show(
    name: Annotated[
        str, typer.Argument(metavar="CHIP", callback=known("target"), help="A name that 'hardware list' shows.")
    ],
    as_json: Json = False,
) -> None:
    """Show every limit of a chip, with its source."""
    from spikehebb import hardware as chips
    from spikehebb import jobs

    target = chips.find(name)
    if as_json:
        print_json({"name": target.name, "summary": target.summary, "limits": jobs.limits_of(target)})
        return
    say(f"{target.name}: {target.summary}")
    for key, limit in target.limits.items():
        value = ", ".join(map(str, limit.value)) if isinstance(limit.value, tuple) else str(limit.value)
        mark = "" if limit.verified else "  (unverified, never enforced)"
        say(f"  {key:24} {value}{mark}")
        say(f"  {'':24} {chips.VOCABULARY[key][1]}; {limit.source}")


@command(CHIPS, "check runs/digits --target loihi1")
def check(
    checkpoint: Checkpoint,
    target: TargetName,
    set_: Set = None,
    learning: Annotated[bool, typer.Option("--learning", help="It is to go on learning on the chip.")] = False,
    as_json: Json = False,
) -> None:
    """List what keeps a trained network from a chip. The exit code is 1 if anything does, as far as is verified."""
    from spikehebb import jobs

    result = jobs.check_network(jobs.read(checkpoint), target_of(target, set_ or ()), learning=learning)
    if as_json:
        print_json(result)
    else:
        _print_check(checkpoint, result)
    if result["enforced"]:
        raise typer.Exit(1)


@command(CHIPS, "quantize runs/digits --target generic --bits 4 --out runs/four-bits")
def quantize(
    checkpoint: Checkpoint,
    target: TargetName,
    out: Annotated[Path, into("Folder for checkpoint.npz and quantize.json.")],
    bits: Annotated[int | None, typer.Option(help="Of a weight; the target's when left out.")] = None,
    rounding: Annotated[str, typer.Option(help="Of weights: nearest or stochastic.")] = "nearest",
    seed: Annotated[int, typer.Option(help="Of stochastic rounding.")] = 0,
    set_: Set = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write a trained network with a chip's weights, thresholds and time constants; evaluate reads it."""
    from spikehebb import jobs

    chip = target_of(target, set_ or ())
    report = jobs.quantize_network(
        jobs.read(checkpoint),
        chip if bits is None else chip.with_limits(weight_bits=bits),
        out,
        rounding=rounding,  # type: ignore[arg-type]
        seed=seed,
        overwrite=overwrite,
    )
    if as_json:
        print_json(report)
        return
    for line in report["report"]:
        width = "" if line["bits"] is None else f", {line['bits']} bits"
        say(
            f"  {line['what']:24} {line['count']} numbers{width}, step {line['scale']:.4g}, error "
            f"{line['rms_error']:.3g} (rms), {line['largest_error']:.3g} (largest), {line['saturated']} saturated"
        )
    if not report["report"]:
        say(f"  {chip.name} limits none of its numbers; everything stays as it was")
    for remark in report["remarks"]:
        say(f"  {remark}")
    say(f"  {out / 'checkpoint.npz'}\n  {out / 'quantize.json'}")


def print_hardware(costs: dict[str, Any]) -> None:
    """Print what a network costs, in a few lines."""
    work, size = costs["per_image"], costs["footprint"]
    total = size.get("total_bytes", size["weights"])
    rows = {
        "footprint": f"{total / 1000:.4g} kB with {size['weight_bits']}-bit weights",
        "synaptic operations": f"{work['effective_ac']:.4g} AC, {work['effective_mac']:.4g} MAC of {work['dense']:.4g}",
        "neuron updates": f"{work['neuron_updates']:.4g}",
        "activation sparsity": f"{100 * work['activation_sparsity']:.2f} %",
    }
    if "learning" in costs:
        rows["plasticity operations"] = f"{costs['learning']['plasticity']['synapses']:.4g} if it went on learning"
    if costs.get("cores") is not None:
        rows["cores"] = f"{costs['cores']}, {costs['enforced_problems']} problems (spikehebb check)"
    for name, energy in costs["energy_per_image"].items():
        missing = f", without {', '.join(energy['unpriced'])}" if energy["unpriced"] else ""
        rows[f"energy, {name}"] = f"{1e6 * energy['joule']:.4g} uJ{missing}"
    say(f"on {costs['target']}, per image")
    for name, text in rows.items():
        say(f"  {name:24} {text}")


def _print_check(checkpoint: Path, result: dict[str, Any]) -> None:
    problems, cores = result["problems"], result["cores"]
    verdict = "does not fit" if result["enforced"] else "fits"
    size = "" if cores is None else f", {cores} core{'' if cores == 1 else 's'}"
    say(f"{checkpoint} {verdict} on {result['target']}{size}")
    for problem in problems:
        where = f"{problem['where']}, " if problem["where"] else ""
        say(f"  {where}{problem['text']}")
    for share in result["shares"]:
        reason = f", filled by {share['reason']}" if share["reason"] else ""
        say(f"  {share['population']}: {share['neurons']} neurons on {share['cores']} cores{reason}")
    for remark in result["remarks"]:
        say(f"  {remark}")
