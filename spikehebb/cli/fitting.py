"""The command that fits a rule to measurements."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from spikehebb.cli.common import RULES, DeviceName, Json, command, print_json, progress, say
from spikehebb.cli.rules import NOTHING_WRITTEN, Frequency, Out, RoundTimes, RuleName, Seed, Set, StartWeight, Step
from spikehebb.reading import file_name


@command(RULES, "fit stdp_pair --data window.csv --out runs/fit")
def fit(
    rule: RuleName,
    data: Annotated[
        list[str],
        typer.Option(
            help="A CSV file (docs/data.md has the columns) or a name of 'spikehebb data'; several may be given."
        ),
    ],
    out: Out,
    free: Annotated[str | None, typer.Option(help="Parameters to fit, as a,b,c; all that matter if left out.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="How much a point of each data set counts, as 1,2; 1 each if left out.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Pairings, where the data do not say.")] = 60,
    frequency: Frequency = 1.0,
    settings: Set = None,
    w0: StartWeight = 0.5,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    trials: Annotated[int, typer.Option(help="Synapses at each point, of a rule with noise.")] = 100,
    device: DeviceName = "auto",
    dt: Step = 0.1,
    seed: Seed = 0,
    round_times: RoundTimes = False,
    as_json: Json = False,
) -> None:
    """Fit the parameters of a rule to measured changes (relative to the weight at the start) after any protocol."""
    from brian2 import Hz

    from spikehebb import checkpoint, devices, jobs, plot
    from spikehebb.cli import parse
    from spikehebb.cli.rules import check_frequency, time_step
    from spikehebb.core.progress import of_stage
    from spikehebb.datasets import measurements

    value = parse.rule(rule, settings or ())
    measured = [measurements.find(each) for each in data]
    counts = None if weights is None else parse.numbers("--weights", weights, 1)
    where, step = devices.find(device), time_step(dt)
    check_frequency(frequency)
    out.mkdir(parents=True, exist_ok=True)
    picture = out / f"fit_{file_name(value.name)}.png"
    try:
        with progress(NOTHING_WRITTEN) as tell:
            fitted = jobs.fit(
                value,
                measured,
                weights=counts,
                free=None if free is None else [name.strip() for name in free.split(",")],
                repeats=repeats,
                frequency=frequency * Hz,
                w0=w0,
                device=where,
                dt=step,
                confidence=confidence,
                trials=trials,
                seed=seed,
                round_times=round_times,
                progress=of_stage(tell, "fitting"),
            )
    except jobs.FitError as error:
        plot.save(plot.failed_fit(error), picture)
        raise RuntimeError(f"{error} The data are drawn in {picture}.") from error
    content: dict[str, Any] = {
        **fitted.report(),
        "dt_ms": dt,
        "seed": seed,
        "table": fitted.rows(),
        "device": where.name,
        "versions": jobs.versions(),
    }
    checkpoint.write_json(out / "fit.json", content)
    checkpoint.write_csv(out / "fit.csv", fitted.rows())
    parameters = [{"parameter": name, **estimate} for name, estimate in content["free"].items()]
    checkpoint.write_csv(out / "fit_parameters.csv", parameters)
    plot.save(plot.fitted_window(fitted), picture)
    if as_json:
        print_json(content)
        return
    for name, estimate in fitted.parameters.items():
        middle, interval = estimate.rounded()
        say(f"  {name:12} {middle:14} ({interval})")
    for warning in fitted.warnings:
        say(f"  {warning}")
    say(f"  {out / 'fit.json'}\n  {out / 'fit.csv'}\n  {out / 'fit_parameters.csv'}\n  {picture}")
