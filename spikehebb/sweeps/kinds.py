"""The jobs that a sweep can do: what each takes, and the work that its settings describe.

Settings are plain data under the names of the functions and values that take them; a name with a dot is a parameter, as
in ``circuit.temperature`` and ``rule.eta``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spikehebb import devices, jobs
from spikehebb.core import images_only
from spikehebb.core.progress import Progress
from spikehebb.datasets import learning_part, own_path, sample
from spikehebb.equations import did_you_mean
from spikehebb.hardware import Target, read_limit
from spikehebb.hardware import find as find_target
from spikehebb.jobs.convert import check_conversion
from spikehebb.jobs.once import once
from spikehebb.jobs.run import provenance
from spikehebb.reading import regular
from spikehebb.softhebb import Layer, Readout, Training
from spikehebb.softhebb import find as find_softhebb
from spikehebb.softhebb.presets import ALIASES
from spikehebb.sweeps.measuring import fit, window
from spikehebb.sweeps.prepared import IMAGES, Prepared, Settings, both, check_count, data_of, device_of, needed


def _learn(given: Settings) -> Prepared:
    preset = jobs.find_preset(given.pop("preset")) if "preset" in given else None
    if preset is not None:
        given.setdefault("data", preset.data)
    data, device, start = data_of(given), device_of(given), given.pop("start", None)
    parameters = {name: given.pop(name) for name in [*given] if "." in name}
    begun = None if start is None else jobs.load_start(Path(start))
    if given.get("target") and "rule" not in given:
        given = jobs.chip_rule(given["target"], given.get("circuit", "soft_wta")) | given
    given["parameters"] = parameters
    settings = preset.made(**given) if preset is not None else jobs.Settings(**given) if begun is None else None

    def do(out: Path, overwrite: bool, tell: Progress) -> object:
        train, test = data.part("train"), data.part("test")
        chosen = settings if settings is not None or begun is None else begun.settings(train, **given)
        return jobs.learn_digits(
            train, test, chosen, start=begun, device=device, out=out, overwrite=overwrite, progress=tell
        )

    return Prepared(do=do, data=data)


_OF_LAYERS = (  # settings that all layers get; the plasticity makes controls
    *(item.name for item in dataclasses.fields(Layer) if item.name not in ("plasticity", "pool")),
    *ALIASES,
)


def _train(given: Settings) -> Prepared:
    preset, data, seed = find_softhebb(needed(given, "preset", "train")), data_of(given), given.pop("seed", 0)
    method, examples = given.pop("readout", None), given.pop("examples", None)
    check_count("examples", examples)
    if "plasticity" in given:
        preset = preset.with_plasticity(given.pop("plasticity"))
    if layers := {name: given.pop(name) for name in [*given] if name in _OF_LAYERS}:
        preset = preset.with_layers(**layers)
    own = {name.removeprefix("readout_"): given.pop(name) for name in [*given] if name.startswith("readout_")}
    preset = dataclasses.replace(
        preset,
        training=dataclasses.replace(preset.training, **given),
        readout=dataclasses.replace(preset.readout, **own),
    )

    def do(out: Path, overwrite: bool, tell: Progress) -> object:
        train, test = both(data)
        part = learning_part(data.data)
        learned = train if part == "train" else images_only(data.part(part))
        if examples is not None:
            learned = sample(learned, examples)
        return jobs.train_softhebb(
            train,
            test,
            preset,
            unlabelled=None if learned is train else learned,
            method=method,
            seed=seed,
            cores=1,
            out=out,
            overwrite=overwrite,
            progress=tell,
        )

    return Prepared(do=do, data=data)


def _convert(given: Settings) -> Prepared:
    path = Path(needed(given, "checkpoint", "convert"))
    trained = jobs.read(path)
    given.setdefault("data", jobs.trained_on(trained))
    data, device, seed = data_of(given), device_of(given), given.pop("seed", 0)
    calibration = given.pop("calibration", None)
    check_count("calibration", calibration)
    check_conversion(trained, **given)

    def do(out: Path, overwrite: bool, tell: Progress) -> object:
        train, test = both(data)
        return jobs.convert(
            trained,
            train,
            test,
            calibration=calibration,
            source=path.name,
            device=device,
            seed=seed,
            cores=1,
            out=out,
            overwrite=overwrite,
            progress=tell,
            **given,
        )

    return Prepared(do=do, data=data)


def _evaluate(given: Settings) -> Prepared:
    path = Path(needed(given, "checkpoint", "evaluate"))
    trained, data = jobs.read(path), data_of(given)
    device, target = given.pop("device", None), given.pop("target", "")
    limits = {name.partition(".")[2]: value for name, value in given.items()}
    chip, file = _chip(target, limits), path / "checkpoint.npz" if path.is_dir() else path
    if device is not None:
        devices.find(device)
    with regular(file).open("rb") as opened:
        network = hashlib.file_digest(opened, "sha256").hexdigest()

    def do(out: Path, overwrite: bool, tell: Progress) -> object:
        test = data.part("test")
        about = {
            "kind": "evaluation in a sweep",
            "config": {"network": network, "target": target, **({"limits": limits} if limits else {})},
            **provenance(device or "its own", 0, test=test),
        }

        def measure(tell: Progress) -> Mapping[str, Any]:
            result = jobs.evaluate(trained, test, device=device, target=chip, progress=tell)
            return {name: result[name] for name in ("metrics", "hardware") if name in result}

        return once(about, measure, out=out, overwrite=overwrite, progress=tell)

    return Prepared(do=do, data=data)


_PAIRS = ("rule", "repeats", "frequency_hz", "w0", "dt_ms", "device")


def _chip(name: str, limits: Mapping[str, Any]) -> Target | None:
    """Return a target with other limits, or none where none is named."""
    if not isinstance(name, str):
        raise ValueError("evaluate takes the name of a target; its limits are settings, as in target.weight_bits.")
    if limits and not name:
        raise ValueError(f"{', '.join(f'target.{own}' for own in limits)}: there is no target; name one.")
    read = {own: read_limit(own, value) if isinstance(value, str) else value for own, value in limits.items()}
    return find_target(name).with_limits(**read) if name else None


# Of each job: the names of its settings, the beginnings of its parameters' names, and what makes work of settings.
JOBS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[Settings], Prepared]]] = {
    "learn": (
        (
            *(item.name for item in dataclasses.fields(jobs.Settings) if item.name != "parameters"),
            *("preset", "start", "device", *IMAGES),
        ),
        ("circuit.", "rule.", "input.", "front.", "target."),
        _learn,
    ),
    "train": (
        (
            *("preset", "plasticity", "examples", "seed", "readout", *IMAGES),
            *(item.name for item in dataclasses.fields(Training)),
            *(f"readout_{item.name}" for item in dataclasses.fields(Readout)),
            *_OF_LAYERS,
        ),
        (),
        _train,
    ),
    "convert": (
        (
            *("checkpoint", "neurons", "inhibition", "order", "present_ms", "dt_ms", "input_rate_hz", "settle_ms"),
            *("calibration", "seed", "device", *IMAGES),
        ),
        (),
        _convert,
    ),
    "evaluate": (("checkpoint", "device", "target", *IMAGES), ("target.",), _evaluate),
    "window": ((*_PAIRS, "lags_ms", "seed"), ("rule.",), window),
    "fit": ((*_PAIRS, "data", "weights", "free", "confidence", "trials", "seed"), ("rule.",), fit),
}


def known(job: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the settings of a job, and how the names of its parameters begin.

    Raises
    ------
    ValueError
        If there is no such job.
    """
    if job not in list(JOBS):  # a list, as what a file says may be anything
        raise ValueError(f"there is no job {job!r}.{did_you_mean(str(job), JOBS)} A sweep does {', '.join(JOBS)}.")
    names, dotted, _ = JOBS[job]
    return names, dotted


def prepare(job: str, settings: Mapping[str, Any]) -> Prepared:
    """Return the work that settings describe; nothing is learned, and no images are read.

    Raises
    ------
    ValueError, FileNotFoundError, OSError
        If it is not what the job takes.
    """
    names, _ = known(job)
    given = dict(settings)
    try:
        return JOBS[job][2](given)
    except TypeError as error:  # of a value that a function does not take
        raise ValueError(
            f"{job}: a setting is not what it should be ({error}); it has {', '.join(sorted(names))}."
        ) from error


def portable(job: str, settings: Mapping[str, Any]) -> Settings:
    """Return settings that mean the same in another working folder and another environment: on any worker."""
    names, _ = known(job)
    found = dict(settings)
    for name in ("checkpoint", "start", "data_dir"):
        if isinstance(found.get(name), (str, Path)):
            found[name] = str(Path(found[name]).absolute())
    data = found.get("data")
    if isinstance(data, (str, Path)) and (own := own_path(data)) is not None:
        found["data"] = str(own.absolute())
    elif "data_dir" in names and (folder := os.environ.get("SPIKEHEBB_DATA")):
        found.setdefault("data_dir", str(Path(folder).absolute()))
    if "device" in names and job != "evaluate":
        found["device"] = devices.find(found.get("device", "auto")).name
    return found
