"""Commands for what comes along: trained networks, examples and their data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli.common import IMAGES, MACHINE, DataDir, Json, command, print_json, progress, say

Into = Annotated[Path | None, typer.Option("--out", help="A new folder to copy them into.")]
_CLOSE = 0.02  # of the accuracy on a sample of 500: another processor draws other random numbers


@command(IMAGES, "models", "models mnist-400 --check")
def models(
    names: Annotated[list[str] | None, typer.Argument(help="Only these.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Compare the hash of each file, and score it again.")] = False,
    out: Into = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the trained networks that come along, check them, or copy them; other commands take their names."""
    from spikehebb import jobs

    chosen = [jobs.find_model(name) for name in names] if names else list(jobs.models().values())
    if check:
        _check(chosen, data_dir, as_json)
        return
    if out is not None:
        for model in chosen:
            model.file()
            _copy(model.folder, out / model.name if len(chosen) > 1 else out)
        return
    if as_json:
        print_json([vars(model) for model in chosen])
        return
    for model in chosen:
        size = model.file().stat().st_size / 1e6
        say(f"{model.name:22} {model.data:14} {100 * model.accuracy:6.2f} %  {size:5.2f} MB  {model.summary}")
        if names:
            say(f"  {model.command}\n  {model.folder / 'README.md'}")


@command(MACHINE, "examples --out examples")
def examples(out: Into = None) -> None:
    """List the examples, or copy them with their data into a folder, as the documentation's commands name it."""
    from spikehebb import jobs

    folder = jobs.examples()
    if out is not None:
        _copy(folder, out)
        return
    for path in sorted(folder.glob("*.py")):
        say(f"{path.name:28} {_first_line(path)}")
    say("spikehebb examples --out examples copies them here.")


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip().removeprefix('"""').removesuffix('"""')


def _check(chosen: list[Any], data_dir: Path | None, as_json: bool) -> None:
    """Compare hashes, score each on its sample, and fail where one is not what its card says."""
    from spikehebb import datasets, jobs
    from spikehebb.jobs.zoo import SAMPLE

    results = []
    for model in chosen:
        trained = jobs.read(model.file())
        test = datasets.sample(datasets.load(model.data, "test", data_dir=data_dir), SAMPLE)
        with progress("nothing was written") as tell:
            score = float(jobs.evaluate(trained, test, progress=tell)["metrics"][model.metric])
        results.append({"name": model.name, "sample": score, "card": model.sample})
        if not as_json:
            scores = f"{100 * score:.1f} % of {SAMPLE} images, card {100 * model.sample:.1f} %"
            say(f"{model.name:22} hash as listed; {scores}")
    if as_json:
        print_json(results)
    if wrong := [str(each["name"]) for each in results if abs(each["sample"] - each["card"]) > _CLOSE]:
        raise RuntimeError(
            f"{', '.join(wrong)}: the score is not that of the card, by more than {100 * _CLOSE:g} points."
        )


def _copy(source: Path, out: Path) -> None:
    import shutil

    if out.exists():
        raise FileExistsError(f"{out} is there already; give a new folder with --out.")
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("__pycache__"))
    say(f"  {out}")
