"""The jobs that a sweep can do: what each takes, and the work that its settings describe.

Settings are plain data under the names of the functions and values that take them; a name with a dot is a parameter, as
in ``circuit.temperature`` and ``rule.eta``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms

from spikehebb import devices, jobs, rules
from spikehebb.conversion import timing_for
from spikehebb.core import Images, PlasticityRule, Samples, digest, images_only
from spikehebb.core.progress import Progress, of_stage
from spikehebb.core.values import check_setting, is_finite
from spikehebb.datasets import DATASETS, load_some, measurements, own_path, sample
from spikehebb.devices import Device
from spikehebb.equations import did_you_mean, quantity, unit_text
from spikehebb.hardware import find as find_target
from spikehebb.jobs.once import once
from spikehebb.jobs.run import provenance, versions
from spikehebb.reading import printable, regular
from spikehebb.softhebb import Layer, Readout, Training
from spikehebb.softhebb import find as find_softhebb
from spikehebb.softhebb.presets import ALIASES

Work = Callable[[Path, bool, Progress], object]  # into a folder, whether another run there is replaced
Settings = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Images as settings describe them: equal ones are read once."""

    data: str
    data_dir: str | None = None
    size: int | None = None
    colour: bool = False
    cells: int | None = None
    limit_train: int | None = None
    limit_test: int | None = None

    def __post_init__(self) -> None:
        for name in ("size", "cells", "limit_train", "limit_test"):
            _check_count(name, getattr(self, name))
        if not isinstance(self.data, str) or not isinstance(self.data_dir, (str, type(None))):
            raise ValueError(f"data and data_dir must be texts, got {self.data!r} and {self.data_dir!r}.")
        if (path := own_path(self.data)) is not None:  # a worker may have another working folder
            object.__setattr__(self, "data", str(path.absolute()))

    def part(self, part: str) -> Samples:
        """Return the images of a part."""
        return _part(self, part)


@lru_cache(maxsize=2)  # of one data set, training and test images
def _part(data: Data, part: str) -> Samples:
    limit = data.limit_test if part == "test" else data.limit_train
    where = Path(data.data) if own_path(data.data) is not None else data.data
    return load_some(
        where,
        part,
        limit=limit,
        data_dir=data.data_dir,
        size=data.size,
        grey=not data.colour,
        cells=data.cells,
        events=True,
    )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The work that settings describe, and the images that it needs."""

    do: Work
    data: Data | None = None


def _learn(given: Settings) -> Prepared:
    preset = jobs.find_preset(given.pop("preset")) if "preset" in given else None
    if preset is not None:
        given.setdefault("data", preset.data)
    data, device, start = _data(given), _device(given), given.pop("start", None)
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
    preset, data, seed = find_softhebb(_needed(given, "preset", "train")), _data(given), given.pop("seed", 0)
    method, examples = given.pop("readout", None), given.pop("examples", None)
    _check_count("examples", examples)
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
        train, test = _both(data)
        own = data.data in DATASETS and "unlabelled" in DATASETS[data.data].parts
        learned = images_only(data.part("unlabelled")) if own else train
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
    path = Path(_needed(given, "checkpoint", "convert"))
    trained = jobs.read(path)
    model = trained.rates()
    given.setdefault("data", jobs.trained_on(trained))
    data, device, seed = _data(given), _device(given), given.pop("seed", 0)
    calibration, lif = given.pop("calibration", 300), given.get("neurons") == "lif"
    timing = timing_for(model.network, **(given | ({"neurons": "integrate"} if lif else {})))

    def do(out: Path, overwrite: bool, tell: Progress) -> object:
        return jobs.convert_softhebb(
            model,
            *_both(data),
            timing,
            calibration=calibration,
            lif=lif,
            source=path.name,
            device=device,
            seed=seed,
            cores=1,
            out=out,
            overwrite=overwrite,
            progress=tell,
        )

    return Prepared(do=do, data=data)


def _evaluate(given: Settings) -> Prepared:
    path = Path(_needed(given, "checkpoint", "evaluate"))
    trained, data = jobs.read(path), _data(given)
    device, target = given.pop("device", None), given.pop("target", "")
    chip, file = find_target(target) if target else None, path / "checkpoint.npz" if path.is_dir() else path
    if device is not None:
        devices.find(device)
    with regular(file).open("rb") as opened:
        network = hashlib.file_digest(opened, "sha256").hexdigest()

    def do(out: Path, overwrite: bool, tell: Progress) -> object:
        test = data.part("test")
        about = {
            "kind": "evaluation in a sweep",
            "config": {"network": network, "target": target},
            **provenance(device or "its own", 0, test=test),
        }

        def measure(tell: Progress) -> Mapping[str, Any]:
            result = jobs.evaluate(trained, test, device=device, target=chip, progress=tell)
            return {name: result[name] for name in ("metrics", "hardware") if name in result}

        return once(about, measure, out=out, overwrite=overwrite, progress=tell)

    return Prepared(do=do, data=data)


def _window(given: Settings) -> Prepared:
    rule, device = _rule(given, "window"), _device(given)
    numbers = given.pop("lags_ms", None)
    if numbers is not None and (np.ndim(numbers) != 1 or not len(numbers) or not all(map(is_finite, numbers))):
        raise ValueError(f"lags_ms must be a list of numbers, got {printable(repr(numbers), 60)}.")
    lags = None if numbers is None else np.asarray(numbers, float) * ms
    config = _about(rule) | given | {"lags_ms": numbers}
    options = _pairing(given)

    def measure(tell: Progress) -> Mapping[str, Any]:
        curve = jobs.stdp_window(rule, lags, device=device, progress=of_stage(tell, "simulating"), **options)
        extremes = {"dw_max": float(curve.dw.max()), "dw_min": float(curve.dw.min()), "dw_mean": float(curve.dw.mean())}
        return {"metrics": extremes, "lags_ms": (curve.lags / ms).tolist(), "dw": curve.dw.tolist()}

    return _measuring("window", config, device, measure)


def _fit(given: Settings) -> Prepared:
    rule, device = _rule(given, "fit"), _device(given)
    names = given.pop("data", None)
    if not names or not isinstance(names, (str, Path, list, tuple)):
        raise ValueError("fit needs data, a file or a name of 'spikehebb data', or several; give it in the settings.")
    several = names if isinstance(names, (list, tuple)) else [names]
    data = [measurements.PUBLISHED.get(str(name)) or measurements.read(Path(name)) for name in several]
    config = _about(rule) | given | {"data": [digest(each) for each in data]}
    options = _pairing(given)

    def measure(tell: Progress) -> Mapping[str, Any]:
        fitted = jobs.fit(rule, data, device=device, progress=of_stage(tell, "fitting"), **options)
        found = {name: float(estimate.value) for name, estimate in fitted.parameters.items()}
        return {"fit": fitted.report(), "metrics": {"chi2": float(fitted.chi2), **found}}

    return _measuring("fit", config, device, measure)


def _measuring(
    kind: str, config: Mapping[str, Any], device: Device, measure: Callable[[Progress], Mapping[str, Any]]
) -> Prepared:
    def do(out: Path, overwrite: bool, tell: Progress) -> object:
        about = {"kind": f"{kind} in a sweep", "config": config, "device": device.name, "versions": versions()}
        return once(about, measure, out=out, overwrite=overwrite, progress=tell)

    return Prepared(do=do)


_IMAGES = tuple(item.name for item in dataclasses.fields(Data))
_PAIRS = ("rule", "repeats", "frequency_hz", "w0", "dt_ms", "device")
# Of each job: the names of its settings, the beginnings of its parameters' names, and what makes work of settings.
JOBS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[Settings], Prepared]]] = {
    "learn": (
        (
            *(item.name for item in dataclasses.fields(jobs.Settings) if item.name != "parameters"),
            *("preset", "start", "device", *_IMAGES),
        ),
        ("circuit.", "rule.", "input.", "front."),
        _learn,
    ),
    "train": (
        (
            *("preset", "plasticity", "examples", "seed", "readout", *_IMAGES),
            *(item.name for item in dataclasses.fields(Training)),
            *(f"readout_{item.name}" for item in dataclasses.fields(Readout)),
            *_OF_LAYERS,
        ),
        (),
        _train,
    ),
    "convert": (
        (
            *("checkpoint", "neurons", "order", "present_ms", "dt_ms", "input_rate_hz", "settle_ms"),
            *("calibration", "seed", "device", *_IMAGES),
        ),
        (),
        _convert,
    ),
    "evaluate": (("checkpoint", "device", "target", *_IMAGES), (), _evaluate),
    "window": ((*_PAIRS, "lags_ms", "seed"), ("rule.",), _window),
    "fit": ((*_PAIRS, "data", "weights", "free", "confidence", "trials", "seed"), ("rule.",), _fit),
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


def _data(given: Settings) -> Data:
    """Take what describes images from settings."""
    own = {name: given.pop(name) for name in _IMAGES if name in given}
    if own.get("data") is None:
        raise ValueError("no data: name a data set (digits, mnist, ...) or a path with data.")
    return Data(**own)


def _check_count(name: str, value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")


def _both(data: Data) -> tuple[Images, Images]:
    return images_only(data.part("train")), images_only(data.part("test"))


def _device(given: Settings) -> Device:
    return devices.find(given.pop("device", "auto"))


def _needed(given: Settings, name: str, job: str) -> str:
    if not isinstance(given.get(name), (str, Path)):
        raise ValueError(f"{job} needs {name}; give it in the settings, or in the grid.")
    return str(given.pop(name))


def _rule(given: Settings, job: str) -> PlasticityRule:
    """Take a rule and the parameters of its that differ from settings."""
    value = given.pop("rule", None)
    if not isinstance(value, (str, PlasticityRule)):
        raise ValueError(
            f"{job} needs rule, the name of one of the catalogue; give it in the settings, or in the grid."
        )
    rule = value if isinstance(value, PlasticityRule) else rules.find(value)
    changes = {name.removeprefix("rule."): given.pop(name) for name in [*given] if name.startswith("rule.")}
    return rule.with_parameters(
        **{name: quantity(value) if isinstance(value, str) else value for name, value in changes.items()}
    )


def _pairing(given: Settings) -> Settings:
    """Return settings of pairings as functions take them."""
    units: Mapping[str, tuple[str, Quantity]] = {"frequency_hz": ("frequency", Hz), "dt_ms": ("dt", ms)}
    for name, kind in (("frequency_hz", "float"), ("dt_ms", "float"), ("repeats", "int"), ("trials", "int")):
        if given.get(name) is not None:
            check_setting(name, kind, given[name])
    for name in ("w0", "confidence"):
        if name in given and not is_finite(given[name]):
            raise ValueError(f"{name} must be a number, got {given[name]!r}.")
    return {
        units[name][0] if name in units else name: value * units[name][1] if name in units else value
        for name, value in given.items()
    }


def _about(rule: PlasticityRule) -> Settings:
    values = {name: f"{np.asarray(value).tolist()} {unit_text(value)}" for name, value in rule.parameters.items()}
    return {"rule": rule.name, "parameters": values}
