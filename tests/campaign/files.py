"""Damaged and hostile files for every reader: a sentence, or the values of the undamaged file."""

from __future__ import annotations

import gzip
import json
import os
import queue
import select
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import devices
from tests.campaign import commands
from tests.campaign.case import (
    GIB,
    Case,
    Fault,
    check_end,
    check_no_code,
    check_sentence,
    command,
    environment,
    kill,
    process,
)
from tests.campaign.damage import (
    BOMBS,
    BYTES,
    CANARY,
    ESCAPE,
    FOREIGN,
    FREE,
    HDF5,
    IDX,
    IMAGE,
    JSON,
    NPZ,
    PACKED,
    REFUSED,
    SAME,
    TEXT,
    Damages,
)

WHAT = "damaged and hostile files for every reader"
AT_LEAST = 2500
SHARE = 0.25
_SECONDS = 60  # for one file; commands that go on with a state take most
_PROCESS = 60  # one in so many is read by a command of its own
_RULE = """from brian2 import ms, mV
from spikehebb.core import PlasticityRule
from spikehebb.rules import stdp_pair
import dataclasses
own = dataclasses.replace(stdp_pair, name="mine", summary="a rule of my own")
mine = own.with_parameters(tau_plus=20*ms, A_plus=0.1/2)
"""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A file that somebody may have damaged: its example, its reader, and how it is damaged."""

    make: Callable[[Path, Path], Path]  # writes an example into a folder, with what is shared; returns the file
    reader: str
    damages: Damages
    exact: bool = True  # has a checksum, so that no damage is taken for another value
    command: tuple[str, ...] = ()  # reads it on the command line
    weight: int = 4


def copied(name: str, file: str, state: bool = False) -> Callable[[Path, Path], Path]:
    """Return an example from the folder of a job: its result, or its state with the words that go on with it."""

    def make(folder: Path, shared: Path) -> Path:
        made = commands.unfinished(name, shared, file) if state else commands.whole(name, shared)
        shutil.copytree(made, folder, dirs_exist_ok=True)
        (folder / "words").write_text(json.dumps(commands.words_of(name, shared)))
        return folder / file

    return make


def written(file: str, content: bytes | Callable[[], bytes]) -> Callable[[Path, Path], Path]:
    def make(folder: Path, shared: Path) -> Path:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content())
        return path

    return make


def graph(folder: Path, shared: Path) -> Path:
    from spikehebb import jobs

    trained = jobs.read(commands.whole("lif", shared))
    jobs.export_network(trained, folder / "graph.nir", format="nir", lateral=True)
    return folder / "graph.nir"


def program(file: str) -> Callable[[Path, Path], Path]:
    """Return an example from the cache of programs."""

    def make(folder: Path, shared: Path) -> Path:
        commands.whole("learn-cpp", shared)
        made = sorted((shared / "cache" / "programs").iterdir())[0]
        manifest = next(made.glob("*.json"))
        target = folder / "cache" / "programs" / made.name
        shutil.copytree(made, target)
        (folder / "cache").chmod(0o700)
        (target / "key").write_text(json.loads(manifest.read_text())["key"])
        return target / (manifest.name if file == "manifest" else file)

    return make


def image(kind: str) -> Callable[[Path, Path], Path]:
    def make(folder: Path, shared: Path) -> Path:
        from PIL import Image

        for part, name, shade in (("train", "a", 9), ("train", "b", 99), ("test", "a", 50), ("test", "b", 200)):
            place = folder / part / name
            place.mkdir(parents=True)
            pixels = (shade + np.arange(144).reshape(12, 12) % 31).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"image.{kind}")
        return folder / "test" / "a" / f"image.{kind}"

    return make


def official(suffix: str) -> Callable[[Path, Path], Path]:
    """Return the labels of Fashion-MNIST, where its files are; or what calls itself so."""

    def make(folder: Path, shared: Path) -> Path:
        there = Path(os.environ.get("SPIKEHEBB_DATA", "nowhere")) / "fashion-mnist"
        for file in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
            if (there / file).exists():
                shutil.copy(there / file, folder / file)
            else:
                (folder / file).write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 9) + bytes(9)))
        path = folder / "t10k-labels-idx1-ubyte.gz"
        if suffix != ".gz":
            import lzma

            content = gzip.decompress(path.read_bytes())
            path.unlink()
            path = folder / f"t10k-labels-idx1-ubyte{suffix}"
            path.write_bytes(lzma.compress(content) if suffix == ".xz" else content)
        path.chmod(0o644)
        return path

    return make


@cache
def batch() -> bytes:
    import pickle

    pixels = np.zeros((10_000, 3072), np.uint8)
    names = [b"name"] * 10_000
    content = {b"batch_label": b"one", b"labels": [3] * 10_000, b"data": pixels, b"filenames": names}
    return pickle.dumps(content, protocol=2)


def idx_file() -> bytes:
    return b"\0\0\x08\x03" + struct.pack(">III", 5, 4, 4) + bytes(range(80))


def again(damages: Damages) -> Damages:
    """Return damages of a file that a run makes again where it is not its own."""
    return {what: (damage, SAME) for what, (damage, _) in damages.items()}


NETWORK = BYTES | NPZ | BOMBS | FOREIGN
STATE = BYTES | NPZ | FOREIGN
EVALUATE = ("evaluate", "--data", "digits", "--limit-test", "5", "--device", "numpy")
SUBJECTS: dict[str, Subject] = {
    **{
        f"network of {name}": Subject(
            make=copied(name, "checkpoint.npz"), reader="network", damages=NETWORK, command=EVALUATE, weight=14
        )
        for name in ("learn", "dense", "convert", "lif")
    },
    **{
        f"{file} of {name}": Subject(
            make=copied(name, file, state=True), reader="command", damages=damages, weight=weight
        )
        for name, file, damages, weight in (
            ("learn", "partial.npz", STATE | BOMBS, 5),
            ("train", "partial.npz", STATE, 5),
            ("train", "features.npy", again(BYTES | FOREIGN), 5),
            ("convert", "partial.npz", STATE, 4),
            ("study", "partial.npz", STATE, 2),
        )
    },
    **{
        f"report of {name}": Subject(
            make=copied(name, file), reader="command", damages=BYTES | JSON | FOREIGN, exact=False, weight=2
        )
        for name, file in (
            ("learn", "run.json"),
            ("train", "run.json"),
            ("replicas", "summary.json"),
            ("study", "study.json"),
        )
    },
    "NIR": Subject(make=graph, reader="circuit", damages=BYTES | HDF5 | FOREIGN, weight=14),
    "PyTorch": Subject(make=written("net.pth", b"\x80\x02}."), reader="network", damages=BYTES | FOREIGN),
    **{
        f"image {kind}": Subject(make=image(kind), reader="folder", damages=BYTES | IMAGE | FOREIGN, exact=False)
        for kind in ("png", "jpg", "bmp", "tiff", "webp", "pgm")
    },
    "IDX": Subject(make=written("x", idx_file), reader="idx", damages=BYTES | IDX | FOREIGN, exact=False, weight=6),
    **{
        f"official file{suffix}": Subject(
            make=official(suffix), reader="fashion-mnist", damages=BYTES | PACKED | FOREIGN, weight=2
        )
        for suffix in (".gz", ".xz", "")
    },
    "STL-10": Subject(make=written("test_X.bin", bytes(27_648)), reader="stl10", damages=BYTES | FOREIGN, weight=1),
    "CIFAR-10": Subject(make=written("batch", batch), reader="cifar", damages=BYTES | FOREIGN, exact=False),
    "spike times": Subject(
        make=written("times.txt", b"1.5\n# a comment\n20\n30.25\n"),
        reader="times",
        damages=BYTES | TEXT | FOREIGN,
        exact=False,
        weight=8,
    ),
    "measurements": Subject(
        make=written("points.csv", b"lag_ms,change,error\n-10,-0.2,0.1\n10,0.4,0.1\n20,0.2,0.1\n"),
        reader="measurements",
        damages=BYTES | TEXT | FOREIGN,
        exact=False,
        weight=8,
    ),
    "rule": Subject(
        make=written("rules.py", _RULE.encode()), reader="rule", damages=BYTES | TEXT, exact=False, weight=4
    ),
    "words": Subject(make=written("word", b"tau_plus=20ms"), reader="words", damages=BYTES | TEXT, exact=False),
}
if devices.compiler() is not None:
    SUBJECTS |= {
        "manifest": Subject(make=program("manifest"), reader="program", damages=BYTES | JSON | FOREIGN, weight=6),
        "program": Subject(make=program("main"), reader="program", damages=BYTES, weight=3),
    }
_ORDER = [name for name, subject in SUBJECTS.items() for _ in range(subject.weight)]


class Reader:
    """A process that reads files, started again when it hangs."""

    def __init__(self, shared: Path) -> None:
        self.folder = shared / f"reader-{threading.get_ident()}"
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        self.canary = self.folder / "canary"
        self.running: subprocess.Popen[str] | None = None

    def read(self, reader: str, path: Path) -> dict[str, Any]:
        """Return what a reader gives for a file."""
        if self.running is None or self.running.poll() is not None:
            environ = environment(self.folder, self.folder / "cache", {CANARY: str(self.canary)})
            self.running = subprocess.Popen(
                [sys.executable, "-m", "tests.campaign.reader"],
                env=environ,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        self.running.stdin.write(json.dumps({"reader": reader, "path": str(path)}) + "\n")
        self.running.stdin.flush()
        if not select.select([self.running.stdout], [], [], _SECONDS)[0]:
            self.close()
            return {"hang": f"no end after {_SECONDS} s"}
        answer = self.running.stdout.readline()
        if not answer:
            return {"traceback": f"the process died with {self.running.wait()}"}
        content: dict[str, Any] = json.loads(answer)
        return content

    def close(self) -> None:
        if self.running is not None:
            with suppress(ProcessLookupError):
                kill(self.running)  # type: ignore[arg-type]
            self.running.wait()
            self.running = None


_IDLE: queue.SimpleQueue[Reader] = queue.SimpleQueue()
_EXPECTED: dict[str, Mapping[str, Any]] = {}
_LOCK = threading.Lock()


# What may stand where a file should.
NO_FILES: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": os.mkdir,
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to a device without an end": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("/nowhere"),
}


def attack(case: Case) -> None:
    name = _ORDER[int(case.random.permutation(len(_ORDER))[0])]
    subject = SUBJECTS[name]
    what, (damage, may_give) = case.one_of(list(subject.damages.items()))
    if no_file := case.random.random() < 0.03 and subject.reader not in ("idx", "cifar", "words"):  # which get bytes
        what, may_give = case.one_of(list(NO_FILES)), FREE
    case.what = f"{name}: {what}"
    if what in BYTES and not subject.exact:
        may_give = FREE
    try:
        reader = _IDLE.get_nowait()
    except queue.Empty:
        reader = Reader(case.shared)
    try:
        expected = undamaged(name, reader, case.shared)
        folder = case.folder / case.one_of(["file", "file", ESCAPE])
        folder.mkdir()
        path = subject.make(folder, case.shared)
        before = path.read_bytes()
        path.unlink()
        if no_file:
            NO_FILES[what](path)
        else:
            path.write_bytes(after := damage(case.random, before))
            empty = not subject.exact and not after.strip()  # no spikes, and nothing to say
            may_give = FREE if empty or after == before else may_give
        if subject.command and case.number % _PROCESS == 0:
            on_the_command_line(case, subject, path, may_give)
        else:
            judge(reader.read(subject.reader, path), may_give, expected, folder)
    finally:
        _IDLE.put(reader)
        check_no_code(reader.canary)


def judge(answer: Mapping[str, Any], may_give: str, expected: Mapping[str, Any], folder: Path) -> None:
    """Raise ``Fault`` unless a reader gave what it may."""
    for verdict in ("hang", "traceback", "memory"):
        if verdict in answer:
            raise Fault(verdict, answer[verdict])
    if answer["bytes"] > GIB:
        raise Fault("memory", f"{answer['bytes'] >> 20} MiB for it")
    if "refused" in answer:  # the name of the folder is escaped where a command prints it
        said = answer["refused"]
        check_sentence(said if said.startswith("spikehebb: ") else said.replace(str(folder), "FOLDER"))
    elif may_give == REFUSED or (may_give == SAME and answer["value"] != expected.get("value")):
        raise Fault("wrong", "accepted")


def undamaged(name: str, reader: Reader, shared: Path) -> Mapping[str, Any]:
    """Return what the undamaged example of a subject gives."""
    with _LOCK:
        if name not in _EXPECTED:
            folder = shared / "undamaged"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            subject = SUBJECTS[name]
            _EXPECTED[name] = reader.read(subject.reader, subject.make(folder, shared))
            if "traceback" in _EXPECTED[name] or "hang" in _EXPECTED[name]:
                raise Fault("traceback", f"the undamaged {name}: {_EXPECTED[name]}")
        return _EXPECTED[name]


def on_the_command_line(case: Case, subject: Subject, path: Path, may_give: str) -> None:
    """Read a file with a command of its own process."""
    case.what += ", on the command line"
    case.counts["on the command line"] += 1
    canary = case.folder / "canary"
    environ = environment(case.folder, case.folder / "cache", {CANARY: str(canary)})
    first, *options = subject.command
    check_end(
        process(command([first, path, *options]), case.folder, environ), *((2,) if may_give == REFUSED else (0, 2))
    )
    check_no_code(canary)
