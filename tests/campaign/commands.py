"""The commands under attack: small, of every job that can be resumed; and what an undisturbed one gives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import devices
from spikehebb.jobs.run import STATE
from tests.campaign.case import Case, Fault, alive, check_end, command, environment, process

FEW = ("--limit-train", "40", "--limit-test", "20")
DIGITS = ("--data", "digits", *FEW)
TRAIN = ("softhebb", "train", *DIGITS, "--readout-epochs", "2")
CONVERT = ("convert", "MODEL", *DIGITS, "--calibration", "20", "--present", "20")
BITS = ("--weight-bits", "4", "--trace-bits", "3", "--spreads", "0.1", "--dropped", "0.1", "--no-learning")
# What has no command: learning layer by layer; and a network to convert, small, so that all of it is quick.
SCRIPT = """
import dataclasses
from pathlib import Path
from spikehebb.cli.common import commands, into, progress
from typing import Annotated
@commands.command()
def layers(out: Annotated[Path, into("")]) -> None:
    from spikehebb.datasets import load
    from spikehebb.devices import NUMPY
    from spikehebb.jobs import LayerSettings, learn_layers
    from spikehebb.jobs.layer_settings import LAYERS
    first = dataclasses.replace(LAYERS[0], units=4, kernel=5, padding=0)
    second = dataclasses.replace(LAYERS[1], units=5, kernel=1, padding=0, pool=None)
    settings = LayerSettings(layers=(first, second), patches=60, show_ms=8)
    train, test = load("digits", "train")[:20], load("digits", "test")[:10]
    with progress() as tell:
        learn_layers(train, test, settings, device=NUMPY, out=out, progress=tell)
@commands.command()
def dense(out: Annotated[Path, into("")]) -> None:
    from spikehebb.datasets import load
    from spikehebb.jobs import train_softhebb
    from spikehebb.softhebb import find
    preset = find("mnist-dense")
    preset = dataclasses.replace(
        preset,
        layers=(dataclasses.replace(preset.layers[0], units=20),),
        training=dataclasses.replace(preset.training, epochs=4),
        readout=dataclasses.replace(preset.readout, epochs=2),
    )
    with progress() as tell:
        train_softhebb(load("digits", "train")[:40], load("digits", "test")[:20], preset, out=out, progress=tell)
"""
NUMPY = ("--device", "numpy")
JOBS: dict[str, tuple[str, ...]] = {
    "learn": ("learn", *DIGITS, *NUMPY, "--neurons", "5"),
    "learn-cpp": ("learn", *DIGITS, "--device", "cpp", "--neurons", "5"),
    "learn-seed": ("learn", *DIGITS, *NUMPY, "--neurons", "5", "--seed", "5"),
    "replicas": ("learn", *DIGITS, *NUMPY, "--neurons", "5", "--replicas", "2"),
    "train": (*TRAIN, "--preset", "mnist-krotov-hopfield", "--epochs", "3"),
    "layers": ("layers",),
    "dense": ("dense",),
    "convert": (*CONVERT, *NUMPY),
    "stochastic": (*CONVERT, *NUMPY, "--neurons", "stochastic"),
    "lif": (*CONVERT, *NUMPY, "--neurons", "lif"),
    "convert-cpp": (*CONVERT, "--device", "cpp"),
    "study": ("study", "bits", *DIGITS, *NUMPY, "--neurons", "5", *BITS),
}
if devices.compiler() is None:
    JOBS = {name: words for name, words in JOBS.items() if not name.endswith("-cpp")}
TIMES = ("ms_per_image", "seconds")  # what differs from run to run
LOCKS: Mapping[str, threading.Lock] = defaultdict(threading.Lock)
_SECONDS: dict[str, float] = {}


def words_of(name: str, shared: Path) -> list[str]:
    """Return the words of a job, but for its folder; the network that it converts is there."""
    return [str(whole("dense", shared)) if word == "MODEL" else word for word in JOBS[name]]


def job(name: str, out: Path, shared: Path, *, before: str = "") -> list[str | Path]:
    """Return the words of a process that does a job into a folder."""
    script = SCRIPT if name in ("layers", "dense") else ""
    return command([*words_of(name, shared), "--out", out], before=before + script)


def whole(name: str, shared: Path) -> Path:
    """Return the folder of the undisturbed result of a job."""
    times = 2 if name.endswith("-cpp") else 1  # the second time its programs are compiled
    return made(name, job(name, shared / name, shared), shared, times=times)


def seconds(name: str, shared: Path) -> float:
    """Return how long a job takes, its programs compiled."""
    whole(name, shared)
    return _SECONDS[name]


def made(
    name: str, words: list[str | Path], shared: Path, changes: Mapping[str, str] | None = None, times: int = 1
) -> Path:
    """Return the folder of a command's result, which is made once."""
    with LOCKS[name]:
        if name not in _SECONDS:
            (shared / "tmp").mkdir(exist_ok=True)
            for _ in range(times):
                shutil.rmtree(shared / name, ignore_errors=True)
                done = check_end(process(words, shared, environment(shared, shared / "cache", changes)), 0)
            _SECONDS[name] = done.seconds
    return shared / name


def unfinished(name: str, shared: Path, file: str = STATE) -> Path:
    """Return the folder of a job that was interrupted once its state and a file were there, which is made once."""
    whole(name, shared)
    out = shared / f"{name}-with-{file}"

    def interrupt(running: subprocess.Popen[bytes]) -> None:
        while not ((out / STATE).exists() and (out / file).exists()) and alive(running):
            time.sleep(0.002)
        os.kill(running.pid, signal.SIGTERM)

    with LOCKS[out.name]:
        if not out.exists():
            done = process(job(name, out, shared), shared, environment(shared, shared / "cache"), during=interrupt)
            check_end(done, 130)
    return out


def cache(case: Case, *, empty: bool = False) -> Path:
    """Return a cache of a case's own: with the programs of the undisturbed runs, or empty."""
    own = case.folder / "cache"
    own.mkdir(mode=0o700, exist_ok=True)
    programs = case.shared / "cache" / "programs"
    if programs.exists() and not empty:
        shutil.copytree(programs, own / "programs", ignore=shutil.ignore_patterns(".building-*"), dirs_exist_ok=True)
    return own


def contents(out: Path) -> dict[str, Any]:
    """Return all that is below a folder but times: arrays and numbers; of other files that they are there."""
    files: dict[str, Any] = {}
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        name = str(path.relative_to(out))
        if path.suffix == ".json":
            files[name] = untimed(json.loads(path.read_text()))
        elif path.suffix == ".npz":
            with np.load(path) as archive:
                files[name] = {
                    key: untimed(json.loads(array.tobytes()))
                    if key == "header"
                    else (array.dtype.str, array.shape, array.tobytes())
                    for key, array in archive.items()
                }
        else:
            files[name] = path.suffix
    return files


def untimed(value: Any) -> Any:
    """Return plain data without the times and the names of files in it."""
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k != "source" and not any(time in k for time in TIMES)}
    return [untimed(item) for item in value] if isinstance(value, list) else value


def check_same(out: Path, name: str, shared: Path) -> None:
    """Raise ``Fault`` unless a folder holds the undisturbed result of a job, and nothing else."""
    expected, actual = contents(whole(name, shared)), contents(out)
    if odd := sorted(set(expected) ^ set(actual)):
        raise Fault("lost" if set(odd) <= set(expected) else "wrong", f"{', '.join(odd)}: missing, or left behind")
    if different := [file for file in expected if expected[file] != actual[file]]:
        raise Fault("wrong", f"{', '.join(different)} of {name}: another result than without the disturbance")


def check_left_over(case: Case, cached: Path) -> None:
    """Raise ``Fault`` if temporary files were left behind."""
    left = [*(case.folder / "tmp").glob("spikehebb-*"), *cached.rglob(".building-*")]
    if left:
        raise Fault("wrong", f"left behind: {', '.join(path.name for path in left)}")
