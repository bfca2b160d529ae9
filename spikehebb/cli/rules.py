"""Commands for learning rules: the catalogue, windows, frequency dependence, replays, fits."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli import index
from spikehebb.cli.common import RULES, DeviceName, Json, command, known, print_json, progress, say
from spikehebb.reading import file_name

NOTHING_WRITTEN = "nothing was written"

RuleName = Annotated[
    str,
    typer.Argument(
        metavar="RULE",
        callback=known("rule"),
        help="A name that 'spikehebb rules' lists, or FILE.py[:NAME] of your own.",
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for the numbers and the picture.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter: tau_plus=20ms.")]
StartWeight = Annotated[float, typer.Option("--w0", help="The weight at the start.")]
Step = Annotated[float, typer.Option("--dt", help="Time step in ms.")]
Seed = Annotated[int, typer.Option(help="Of a rule with noise.")]
Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data", metavar="NAME|FILE", help="Measured points to draw: a CSV file, or a name of 'spikehebb data'."
    ),
]
Frequency = Annotated[float, typer.Option(help="Of the pairings, in Hz.")]
Pairings = Annotated[int, typer.Option(help="Pairings.")]
RoundTimes = Annotated[
    bool, typer.Option("--round-times", help="Round times to the grid of --dt instead of refusing those off it.")
]


@command(RULES, "rules", "rules stdp_pair")
def rules(
    name: Annotated[str | None, typer.Argument(help="Show one rule in full.")] = None, as_json: Json = False
) -> None:
    """List the learning rules, or show one with its equations, parameters and reference."""
    known_rules = index.catalogue()
    if name:
        index.check("rule", name)
        shown, chip = _one(name)
        shown = {**shown, "on a chip": chip}
        if as_json:
            print_json([shown])
            return
        say(f"{shown.pop('name')}: {shown.pop('summary')}")
        for key, value in shown.items():
            if value:
                lines = [f"{k} = {v}" for k, v in value.items()] if isinstance(value, Mapping) else value
                said = lines if isinstance(lines, str) else "\n".join(lines)
                say(f"\n{key}\n{textwrap.indent(said, '    ')}")
        return
    if as_json:
        print_json([rule for family in known_rules["families"].values() for rule in family])
        return
    for title, family in known_rules["families"].items():
        say(f"{title}")
        for rule in family:
            say(f"  {rule['name']:28} {rule['summary']}")


def _one(name: str) -> tuple[dict[str, Any], str]:
    """Return a rule as text, and what it is on a chip."""
    listed = index.catalogue()
    for family in listed["families"].values():
        for rule in family:
            if rule["name"] == name:
                return rule, listed["on a chip"][name]
    from spikehebb.cli import parse
    from spikehebb.hardware import problems, sum_of_products

    own = parse.rule(name)
    reasons = problems(own)
    return index.rule_as_json(own), "no sum of products:\n" + "\n".join(reasons) if reasons else str(
        sum_of_products(own)
    )


@command(RULES, "cite stdp_pair oja > works.bib")
def cite(names: Annotated[list[str], typer.Argument(help="Names of rules.", metavar="RULE ...")]) -> None:
    """Print the BibTeX entries of the works behind rules."""
    works = {work["key"]: work["bibtex"] for name in names for work in _works(name)}
    if not works:
        raise ValueError(f"{', '.join(names)} cites no work; give the rule 'cites' of spikehebb.core.Reference.")
    say("\n\n".join(works.values()))


def _works(name: str) -> list[dict[str, str]]:
    """Return the works behind a rule, each with its key and BibTeX entry."""
    listed: dict[str, list[dict[str, str]]] = index.catalogue()["works"]
    index.check("rule", name)
    if name in listed:
        return listed[name]
    from spikehebb.cli import parse

    return [{"key": work.key, "bibtex": work.bibtex()} for work in parse.rule(name).cites]


@command(RULES, "data")
def data(as_json: Json = False) -> None:
    """List the published measurements that can be drawn under a prediction, or fitted."""
    listed = index.catalogue()["data"]
    if as_json:
        print_json(listed)
        return
    for each in listed:
        say(f"{each['name']:24} {each['summary']} ({each['reference']})")
        say(f"{'':24} {len(each['change'])} points; {each['source']}")


@command(
    RULES,
    "window stdp_pair --out runs/window",
    "window triplet_hc_full --lags -60:60:2 --set tau_plus=20ms --out runs/window",
    "window my_rule.py --out runs/mine",
)
def window(
    rule: RuleName,
    out: Out,
    lags: Annotated[
        str | None,
        typer.Option(help="In ms, FROM:TO:STEP or a list; -100 to 100 by 2.5 if left out."),
    ] = None,
    repeats: Pairings = 1,
    frequency: Frequency = 1.0,
    settings: Set = None,
    w0: StartWeight = 0.5,
    measured: Data = None,
    device: DeviceName = "numpy",
    dt: Step = 0.1,
    seed: Seed = 0,
    round_times: RoundTimes = False,
    as_json: Json = False,
) -> None:
    """Draw the STDP window of a rule: the change of a weight against the lag t_post - t_pre."""
    from brian2 import Hz, ms

    from spikehebb import devices, jobs, plot
    from spikehebb.cli import parse
    from spikehebb.core.progress import of_stage

    value = parse.rule(rule, settings or ())
    chosen = None if lags is None else parse.numbers("--lags", lags, ms)
    points = _measured(measured, "lag_ms")
    where, step = devices.find(device), time_step(dt)
    check_frequency(frequency)
    with progress(NOTHING_WRITTEN) as tell:
        curve = jobs.stdp_window(
            value,
            chosen,
            repeats=repeats,
            frequency=frequency * Hz,
            w0=w0,
            device=where,
            dt=step,
            seed=seed,
            round_times=round_times,
            progress=of_stage(tell, "simulating"),
        )
    content: dict[str, Any] = {
        "lags_ms": [float(lag) for lag in curve.lags / ms],
        "dw": curve.dw.tolist(),
        "repeats": repeats,
        "frequency_hz": frequency,
    }
    figure = plot.stdp_window(curve, value, points)
    rows = [{"lag_ms": lag, "dw": dw} for lag, dw in zip(content["lags_ms"], content["dw"], strict=True)]
    _finish(out, "window", value, {**content, **_made(w0, where.name, dt, seed)}, rows, figure, as_json)


@command(RULES, "frequency triplet_vc_minimal --w0 1 --data sjostrom2001_plus10 --out runs/frequency")
def frequency(
    rule: RuleName,
    out: Out,
    frequencies: Annotated[
        str, typer.Option(help="Of the pairings, in Hz, as FROM:TO:STEP or a list.")
    ] = "1,5,10,15,20,25,30,35,40,45,50",
    lags: Annotated[str, typer.Option(help="In ms, as a list or FROM:TO:STEP.")] = "10,-10",
    repeats: Pairings = 60,
    settings: Set = None,
    w0: StartWeight = 0.5,
    measured: Data = None,
    device: DeviceName = "auto",
    dt: Step = 0.1,
    seed: Seed = 0,
    round_times: RoundTimes = False,
    as_json: Json = False,
) -> None:
    """Draw how the change of a weight depends on the frequency of the pairings."""
    from brian2 import Hz, ms

    from spikehebb import devices, jobs, plot
    from spikehebb.cli import parse
    from spikehebb.core.progress import of_stage

    value = parse.rule(rule, settings or ())
    rates = parse.numbers("--frequencies", frequencies, Hz)
    chosen = parse.numbers("--lags", lags, ms)
    points = _measured(measured, "frequency_hz")
    where, step = devices.find(device), time_step(dt)
    with progress(NOTHING_WRITTEN) as tell:
        response = jobs.frequency_response(
            value,
            rates,
            lags=chosen,
            repeats=repeats,
            w0=w0,
            device=where,
            dt=step,
            seed=seed,
            round_times=round_times,
            progress=of_stage(tell, "simulating"),
        )
    content: dict[str, Any] = {
        "frequencies_hz": [float(rate) for rate in response.frequencies / Hz],
        "lags_ms": [float(lag) for lag in response.lags / ms],
        "dw": response.dw.tolist(),
        "repeats": repeats,
    }
    figure = plot.frequency_response(response, value, points)
    rows = [
        {"lag_ms": lag, "frequency_hz": rate, "dw": dw}
        for lag, row in zip(content["lags_ms"], content["dw"], strict=True)
        for rate, dw in zip(content["frequencies_hz"], row, strict=True)
    ]
    _finish(out, "frequency", value, {**content, **_made(w0, where.name, dt, seed)}, rows, figure, as_json)


@command(RULES, "replay stdp_pair --pre pre.txt --post post.txt --out runs/replay")
def replay(
    rule: RuleName,
    pre: Annotated[str, typer.Option(help="Presynaptic spike times: text, CSV, npy, NWB; FILE:ID of several.")],
    post: Annotated[str, typer.Option(help="Postsynaptic spike times.")],
    reward: Annotated[str | None, typer.Option(help="Times of rewards, for rules with a third factor.")] = None,
    unit: Annotated[str, typer.Option(help="Of times, where the file does not say: ms, s or us.")] = "ms",
    out: Annotated[Path | None, typer.Option(help="Folder for replay.json and the picture.")] = None,
    w0: StartWeight = 0.5,
    settings: Set = None,
    delay: Annotated[float, typer.Option(help="From a presynaptic spike to its arrival, in ms.")] = 0.0,
    device: DeviceName = "numpy",
    dt: Step = 0.1,
    seed: Seed = 0,
    round_times: RoundTimes = False,
    as_json: Json = False,
) -> None:
    """Apply a rule to recorded spikes and follow the weight."""
    from brian2 import ms

    from spikehebb import devices, jobs, plot
    from spikehebb.cli import parse
    from spikehebb.core.progress import of_stage

    value = parse.rule(rule, settings or ())
    before, after = parse.spikes(pre, unit), parse.spikes(post, unit)
    rewards = None if reward is None else parse.spikes(reward, unit)
    where, step = devices.find(device), time_step(dt)
    with progress(NOTHING_WRITTEN) as tell:
        trace = jobs.replay(
            value,
            before,
            after,
            reward=rewards,
            w0=w0,
            delay=delay * ms,
            device=where,
            dt=step,
            seed=seed,
            round_times=round_times,
            progress=of_stage(tell, "simulating"),
        )
    content: dict[str, Any] = {
        "t_ms": [round(float(time), 9) for time in trace.times / ms],
        "w": trace.w.tolist(),
        "w_final": trace.w_final,
        "delay_ms": delay,
        "round_times": round_times,
        **_made(w0, where.name, dt, seed),
    }
    if out is not None:
        rows = [{"t_ms": t, "w": w} for t, w in zip(content["t_ms"], content["w"], strict=True)]
        _finish(out, "replay", value, content, rows, plot.replay(trace, before, after, value), as_json)
    elif as_json:
        print_json(_described(value, content))
    else:
        spikes = f"{len(before)} presynaptic and {len(after)} postsynaptic spikes"
        say(f"{value.name}: w from {w0:g} to {trace.w_final:.9g} after {spikes}")


def _measured(names: list[str] | None, variable: str) -> list[Any]:
    """Return published or own measurements, after checking that they show what is drawn."""
    from spikehebb.datasets import measurements

    points = []
    for name in names or []:
        data = measurements.find(name)
        if data.variable != variable:
            raise ValueError(f"{data.name} has {data.variable}, but this picture needs {variable}.")
        points.append(data)
    return points


def time_step(dt: float) -> Any:
    """Return the time step that was asked for in ms."""
    from brian2 import ms

    if not 0 < dt < float("inf"):
        raise ValueError(f"--dt must be a time above 0 in ms, got {dt}.")
    return dt * ms


def check_frequency(frequency: float) -> None:
    """Raise ``ValueError`` unless pairings can come at a frequency in Hz."""
    if not 0 < frequency < float("inf"):
        raise ValueError(f"--frequency must be above 0, got {frequency}.")


def _made(w0: float, device: str, dt: float, seed: int) -> dict[str, Any]:
    from spikehebb import jobs

    return {"w0": w0, "dt_ms": dt, "seed": seed, "device": device, "versions": jobs.versions()}


def _described(rule: Any, content: dict[str, Any]) -> dict[str, Any]:
    from spikehebb.equations import quantity_text

    return {"rule": rule.name, "parameters": {k: quantity_text(v) for k, v in rule.parameters.items()}, **content}


def _finish(
    out: Path,
    what: str,
    rule: Any,
    content: dict[str, Any],
    rows: list[dict[str, Any]],
    figure: Any,
    as_json: bool,
) -> None:
    """Write numbers, the same as a table, and the picture, and print their paths."""
    from spikehebb import checkpoint, plot

    out.mkdir(parents=True, exist_ok=True)
    content = _described(rule, content)
    checkpoint.write_json(out / f"{what}.json", content)
    checkpoint.write_csv(out / f"{what}.csv", rows)
    picture = plot.save(figure, out / f"{what}_{file_name(rule.name)}.png")
    if as_json:
        print_json(content)
    else:
        say(f"  {out / f'{what}.json'}\n  {out / f'{what}.csv'}\n  {picture}")
