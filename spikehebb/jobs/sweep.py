"""How a SoftHebb network depends on one of its settings: a network for each value and seed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spikehebb.core import Images
from spikehebb.core.progress import Progress, reporter
from spikehebb.core.seeds import check_seed
from spikehebb.jobs.run import write
from spikehebb.jobs.train_softhebb import train_softhebb
from spikehebb.softhebb import Preset

KIND = "softhebb sweep"
FILE = "sweep.json"
EXAMPLES = "examples"
Value = float | int | str | bool


def sweep_softhebb(
    train: Images,
    test: Images,
    preset: Preset,
    *,
    over: str,
    values: Sequence[Value],
    seeds: Sequence[int] = (0,),
    unlabelled: Images | None = None,
    out: Path,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train a network for each value of a setting and each seed.

    Each network is a run in a folder of its own: what is finished is not trained again, what was interrupted goes on.

    Parameters
    ----------
    train, test : Images
    preset : Preset
    over : str
        A setting of ``Preset.with_layers``, such as ``temperature``, ``radius``, ``activation``, ``eta`` or ``width``,
        that all layers get; or ``examples``, the number of images that the layers learn from.
    values : sequence
    seeds : sequence of int
        The report has their mean and standard deviation.
    unlabelled : Images, optional
        What the layers learn from, where that is not ``train``.
    out : path
        A folder for ``sweep.json`` and the runs.
    overwrite : bool
        Replace other runs there.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.
    **options
        Of ``train_softhebb``: ``method``, ``device``, ``cores``.

    Returns
    -------
    dict
        ``points``, one for each value: ``value``, ``seeds``, ``accuracy`` (mean on test images, from 0 to 1), ``sd``
        (None of a single seed), and for each layer, as means over seeds, ``r1`` (share of units of norm 1), ``norm``
        and ``winner_probability``.

    Raises
    ------
    ValueError
        If there are no values or seeds, one is twice there, or a value does not fit the setting.
    """
    for what, given in (("values", values), ("seeds", seeds)):
        if not given:
            raise ValueError(f"a sweep needs {what}; give one or more.")
        if len(set(given)) < len(given):
            raise ValueError(f"a sweep needs different {what}, got {', '.join(map(str, given))}.")
    for seed in seeds:
        check_seed(seed)
    learned, tell = train if unlabelled is None else unlabelled, reporter(progress)
    cells = [(value, *_cell(preset, learned, over, value)) for value in values]  # what is wrong is told before hours
    points: list[dict[str, Any]] = []
    for value, chosen, shown in cells:
        reports: list[Mapping[str, Any]] = []
        for seed in seeds:
            number = len(points) * len(seeds) + len(reports)

            def part(stage: str, done: float, at: int = number, name: str = f"{over} {value}, seed {seed}") -> None:
                tell(f"{name}: {stage}", (at + done) / (len(cells) * len(seeds)))

            run = train_softhebb(
                train,
                test,
                chosen,
                unlabelled=None if shown is train else shown,
                seed=seed,
                out=out / f"{over}-{value}-seed-{seed}",
                overwrite=overwrite,
                progress=part,
                **options,
            )
            reports.append(run.report)
        points.append(_point(value, seeds, reports))
    report = {"kind": KIND, "preset": preset.name, "over": over, "images": len(train), "points": points}
    write(out, {FILE: report})
    return report


def _cell(preset: Preset, images: Images, over: str, value: Value) -> tuple[Preset, Images]:
    if over != EXAMPLES:
        return preset.with_layers(**{over: value}), images
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= len(images):
        raise ValueError(f"examples must be 1 to the {len(images)} images of {images.name}, got {value!r}.")
    return preset, images[:value]


def _point(value: Value, seeds: Sequence[int], reports: Sequence[Any]) -> dict[str, Any]:
    scores = [report["metrics"]["accuracy_test"] for report in reports]
    layers = [
        {
            "r1": statistics.mean(layer["units_of_norm_1"] / layer["units"] for layer in same),
            "norm": statistics.mean(layer["norm_mean"] for layer in same),
            "winner_probability": statistics.mean(layer["winner_probability"] for layer in same),
        }
        for same in zip(*(report["layers"] for report in reports), strict=True)
    ]
    return {
        "value": value,
        "seeds": list(seeds),
        "accuracies": scores,
        "accuracy": statistics.mean(scores),
        "sd": statistics.stdev(scores) if len(scores) > 1 else None,
        "layers": layers,
    }
