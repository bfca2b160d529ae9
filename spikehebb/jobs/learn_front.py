"""Learning a first layer of columns from patches of images, then keeping what it says of all images, in spikes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.circuits.learners import of_length
from spikehebb.core import Events, Float, Images
from spikehebb.core.memory import check_memory
from spikehebb.core.progress import Progress, of_stage
from spikehebb.devices import Device
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.fronts import PIECE, Columns, described
from spikehebb.jobs.run import Arrays, Counts, check_counts, provenance, report_of, run
from spikehebb.jobs.seeds import generator, seed_of
from spikehebb.simulation.present import show

KIND = "columns"
CHUNK = 2000  # patches in one run of the program: what an interruption can cost
_EVENT = 20  # bytes of a spike, and of its copy
_MEASURED = 200  # images on which the rate of the cells is measured
_START = 3.0  # length of the random weights at the start
_KEPT = {"x": np.uint16, "y": np.uint16, "p": np.uint8, "t": np.uint32}


def kept(piece: int) -> str:
    """Return the file of the spikes for one piece of the images, training images first."""
    return f"spikes-{piece:04}.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class FrontRun:
    """What ``learn_front`` returns: the weights of a column, (inputs, features), and what it says of all images."""

    weights: Float
    train: Events
    test: Events
    report: Mapping[str, Any]

    def measured(self, settings: Settings) -> Settings:
        """Return the settings of a network behind it with the rate of what that hears, where it was left out."""
        return dataclasses.replace(settings, max_rate_hz=self.rate(settings.front)) if settings.measures else settings

    def rate(self, columns: Any) -> float:
        """Return the mean length of the vector of the rates of all cells that a network hears, in Hz, over some images.

        Raises
        ------
        ValueError
            If none of them fires.
        """
        seen, steps = columns.heard(self.train[:_MEASURED]), round(columns.present_ms)
        rate = float(seen.mean_length(columns.present_ms * ms, steps) / (columns.present_ms / 1000))
        if not rate:
            raise ValueError(
                f"the columns are silent: no pooling cell fired for the first images of {seen.name}; "
                "lower front.floor or front.quantum."
            )
        return rate

    def arrays(self, columns: Any) -> dict[str, Any]:
        """Return what the file of a network behind it holds of it."""
        return {"front": self.weights, "front_rate": np.array(self.rate(columns))}


def learn_front(
    train: Images, test: Images, columns: Columns, *, seed: int, device: Device, out: Path | None, tell: Progress
) -> FrontRun:
    """Let columns learn from patches of training images, then look at all images.

    Parameters
    ----------
    train, test : Images
    columns : Columns
        Of which a network may see a window: all of them are kept.
    seed : int
    device : Device
    out : path, optional
        Its folder, which keeps ``checkpoint.npz``, ``run.json``, and the spikes in pieces; an interrupted run goes on.
    tell : callable
        Called with the name of the stage and its completed fraction.

    Raises
    ------
    ValueError
        If images are smaller than a field, or too dark for patches.
    """
    job = _Front(train=train, test=test, columns=columns.whole, seed=seed, device=device)
    before = None if out is None else job.finished(out)
    return before or run(job, out=out, overwrite=True, tell=tell)  # what is there of another run has lost its network


@dataclass(frozen=True, kw_only=True, eq=False)
class _State:
    chunks: int
    looked: int
    weights: Float
    age: Float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Front:
    train: Images
    test: Images
    columns: Columns
    seed: int
    device: Device

    @property
    def kind(self) -> str:
        return KIND

    @property
    def scratch(self) -> tuple[str, ...]:
        return ()

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        about = provenance(self.device.name, self.seed, train=self.train, test=self.test)
        return {"kind": KIND, "front": described(self.columns), **about, "image_shape": list(self.train.pixel_shape)}

    @cached_property
    def pieces(self) -> list[Images]:
        return [part[at : at + PIECE] for part in (self.train, self.test) for at in range(0, len(part), PIECE)]

    @property
    def _cut(self) -> int:
        """How many pieces the training images have."""
        return -(-len(self.train) // PIECE)

    @cached_property
    def patches(self) -> Float:
        return self.columns.patches_of(self.train, generator(self.seed, "columns", 0))

    def begin(self, folder: Path) -> _State:
        rng = generator(self.seed, "columns", 1)
        start = np.abs(rng.standard_normal((self.columns.inputs(self.train.pixel_shape), self.columns.features)))
        return _State(chunks=0, looked=0, weights=of_length(start, _START), age=np.zeros(self.columns.features))

    def pack(self, state: _State) -> tuple[Counts, Arrays]:
        return {"chunks": state.chunks, "looked": state.looked}, {"weights": state.weights, "age": state.age}

    def shapes(self, counts: Counts) -> Shapes:
        check_counts(counts, chunks=-(-self.columns.patches // CHUNK), looked=len(self.pieces))
        return self._shapes

    @property
    def _shapes(self) -> Shapes:
        state = self.begin(Path())
        return {"weights": ("f", state.weights.shape), "age": ("f+", state.age.shape)}

    def unpack(self, counts: Counts, arrays: Arrays) -> _State:
        return _State(chunks=counts["chunks"], looked=counts["looked"], **arrays)

    def prepare(self, state: _State, folder: Path, tell: Progress) -> _State:
        whole = 0
        while whole < state.looked and self._read(folder, whole) is not None:
            whole += 1
        return dataclasses.replace(state, looked=whole)

    def step(self, state: _State, folder: Path, tell: Progress) -> _State | None:
        done = state.chunks * CHUNK
        if done < self.columns.patches:
            return self._learn(state, done, tell)
        if state.looked < len(self.pieces):
            return self._look(state, folder, tell)
        return None

    def _learn(self, state: _State, done: int, tell: Progress) -> _State:
        rows = self.patches[done : done + CHUNK]
        circuit = self.columns.learning(state.weights).with_state("output", age=state.age)
        recording = show(
            circuit,
            rows,
            presentation=50 * ms,
            dt=1 * ms,
            device=self.device,
            seed=seed_of(self.seed, "columns", state.chunks),
            record=(),
            progress=of_stage(tell, "first layer", done / self.columns.patches, len(rows) / self.columns.patches),
        )
        return dataclasses.replace(
            state,
            chunks=state.chunks + 1,
            weights=recording.weights["feedforward"],
            age=recording.state["output"]["age"],
        )

    def _look(self, state: _State, folder: Path, tell: Progress) -> _State:
        number = state.looked
        bar = of_stage(tell, "looking", number / len(self.pieces), 1 / len(self.pieces))
        own = number < self._cut
        seed = partial(looking, self.seed, "train" if own else "test", number if own else number - self._cut)
        seen = self.columns.look(state.weights, self.pieces[number], device=self.device, seed=seed, progress=bar)
        if not number:
            share = len(self.pieces[0]) / (len(self.train) + len(self.test))
            check_memory("keeping what columns say of all images", _EVENT * len(seen.t) / share, "take fewer images")
        arrays = {name: getattr(seen, name).astype(np.int64) for name in ("offsets", "labels")}
        arrays |= {name: getattr(seen, name) for name in _KEPT}
        header = {"kind": f"{KIND}, piece", "events": len(seen.t), "recordings": len(seen)}
        checkpoint.save(Checkpoint(header=header, arrays=arrays), folder / kept(number))
        return dataclasses.replace(state, looked=number + 1)

    def finish(self, state: _State, folder: Path, tell: Progress) -> FrontRun:
        lengths = np.linalg.norm(state.weights, axis=0)
        result = self._result(state.weights, folder, {**self.identity})
        assert result is not None
        counts = {"train": len(result.train.t) / len(self.train), "test": len(result.test.t) / len(self.test)}
        report = {
            **self.identity,
            "metrics": {
                "output_rate_hz": result.rate(self.columns),
                "spikes_per_image_train": counts["train"],
                "spikes_per_image_test": counts["test"],
                "norm_mean": float(lengths.mean()),
                "norm_sd": float(lengths.std()),
            },
        }
        return dataclasses.replace(result, report=report)

    def files(self, result: FrontRun) -> Mapping[str, Any]:
        saved = Checkpoint(header=self.identity, arrays={"weights": result.weights})
        return {"checkpoint.npz": saved, "run.json": result.report}

    def finished(self, folder: Path) -> FrontRun | None:
        report = report_of(folder / "run.json", self.identity, {"metrics": {str: float}}, network=True)
        if report is None or not (folder / "checkpoint.npz").exists():
            return None
        shapes = {"weights": self._shapes["weights"]}
        weights = checkpoint.load(folder, lambda header: shapes).arrays["weights"]
        return self._result(weights, folder, report)

    def _result(self, weights: Float, folder: Path, report: Mapping[str, Any]) -> FrontRun | None:
        read = [self._read(folder, number) for number in range(len(self.pieces))]
        found = [piece for piece in read if piece is not None]
        if len(found) < len(read):
            return None
        cut = self._cut
        train, test = (
            self._joined(images, pieces) for images, pieces in ((self.train, found[:cut]), (self.test, found[cut:]))
        )
        return FrontRun(weights=weights, train=train, test=test, report=report)

    def _joined(self, images: Images, pieces: list[Mapping[str, Any]]) -> Events:
        counts = np.concatenate([np.diff(piece["offsets"]) for piece in pieces])
        return Events(
            name=images.name,
            **{name: np.concatenate([piece[name] for piece in pieces]) for name in _KEPT},
            offsets=np.concatenate([[0], np.cumsum(counts)]),
            labels=images.labels,
            sensor=self.columns.shape(images.pixel_shape),
            hashes=images.hashes,
            classes=images.classes,
        )

    def _read(self, folder: Path, number: int) -> Mapping[str, Any] | None:
        """Return the arrays of a piece, or None where its file is missing or damaged."""

        def shapes(header: Mapping[str, Any]) -> Shapes:
            events, recordings = header["events"], header["recordings"]
            if recordings != len(self.pieces[number]):
                raise ValueError(f"it has {recordings} recordings.")
            lists = dict.fromkeys(_KEPT, ("u", (events,)))
            return lists | {"offsets": ("i+", (recordings + 1,)), "labels": ("i", (recordings,))}

        try:
            return checkpoint.load(folder / kept(number), shapes).arrays
        except (OSError, ValueError):
            return None


def looking(seed: int, part: str, before: int, piece: int) -> int:
    """Return the seed of columns that look at a piece of the training or test images, after so many others."""
    return seed_of(seed, "looking", int(part == "test"), before + piece)


def pieces_of(train: Images, test: Images) -> tuple[str, ...]:
    """Return the files that a run keeps the spikes for all images in."""
    return tuple(kept(number) for number in range(-(-len(train) // PIECE) - (-len(test) // PIECE)))
