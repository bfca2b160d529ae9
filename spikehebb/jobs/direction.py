"""Direction selectivity: neurons learn a moving bar through synapses of several delays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms
from numpy.typing import ArrayLike

from spikehebb import devices, rules
from spikehebb.circuits import ages, soft_wta
from spikehebb.core import Circuit, Float, Int
from spikehebb.core.progress import Progress, of_stage, quiet
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import check_setting
from spikehebb.devices import Device
from spikehebb.encoders import regular
from spikehebb.jobs.once import once
from spikehebb.jobs.run import versions
from spikehebb.jobs.seeds import generator, seed_of
from spikehebb.protocols import movies
from spikehebb.simulation import presentation_counts, simulate

KIND = "direction selectivity"
DIRECTIONS = ("right", "left", "down", "up")  # of two that follow one another, each is the other's opposite
DT = 1 * ms


@dataclass(frozen=True, kw_only=True)
class MovingBar:
    """A bar that moves right, left, down or up over an array of pixels, and a circuit that learns it.

    Parameters
    ----------
    neurons, pixels : int
        Output neurons; pixels of a side. The bar is one pixel wide and moves by one pixel a frame; as many empty frames
        follow.
    delays : int
        How many synapses, all of which learn, lead from each pixel to each neuron, each a frame later than the one
        before.
    films : int
        From which it learns, of all directions alike.
    tested : int
        Films of each direction that it is tested with: half of them find a neuron's preferred direction, the others
        measure its index.
    frame_ms : float
        A whole number of ms.
    temperature, eta, tau_m_ms, max_rate_hz : float
        Of ``circuits.soft_wta`` and of its input.
    rule : str
        One of the catalogue that fits ``circuits.soft_wta``.
    seed : int

    Raises
    ------
    ValueError
        If a number is out of range, or the rule does not fit.

    Examples
    --------
    >>> task = MovingBar()
    >>> task.film.shape, list(task.circuit().projections)[:2]
    ((4, 16, 8, 8), ['after_0', 'after_1'])
    """

    neurons: int = 24
    pixels: int = 8
    delays: int = 8
    films: int = 1200
    tested: int = 50
    frame_ms: float = 5.0
    temperature: float = 0.02
    eta: float = 0.05
    tau_m_ms: float = 5.0
    max_rate_hz: float = 200.0
    rule: str = "softhebb"
    seed: int = 0

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            if item.type in ("int", "float") and item.name != "seed":
                check_setting(item.name, str(item.type), getattr(self, item.name))
        check_seed(self.seed)
        if self.frame_ms != round(self.frame_ms):
            raise ValueError(f"frame_ms must be a whole number of ms, got {self.frame_ms:g}.")
        if self.delays > self.pixels:
            raise ValueError(
                f"delays must be at most {self.pixels}, the frames of a bar that crosses the pixels, got {self.delays}."
            )
        if self.tested < 2:
            raise ValueError(
                f"tested must be at least 2, one film for the direction and one for the index, got {self.tested}."
            )
        self.circuit()

    @property
    def film(self) -> Float:
        """The films, one of each direction, shape (4, frames, pixels, pixels)."""
        films = np.zeros((len(DIRECTIONS), 2 * self.pixels, self.pixels, self.pixels))
        for step in range(self.pixels):
            films[0, step, :, step] = films[1, step, :, -1 - step] = 1
            films[2, step, step] = films[3, step, -1 - step] = 1
        return films

    @property
    def duration(self) -> Quantity:
        """How long a film is."""
        return 2 * self.pixels * self.frame_ms * ms

    def circuit(self, weights: Mapping[str, ArrayLike] | None = None) -> Circuit:
        """Return ``soft_wta`` with its feed-forward projection once for each delay, ``after_0`` and so on.

        Parameters
        ----------
        weights : mapping of str to array_like, shape (inputs, neurons), optional
            By projection; random ones of the seed when left out.
        """
        rng = generator(self.seed, "directions")
        names = [f"after_{number}" for number in range(self.delays)]
        given = weights or {name: rng.uniform(0.08, 0.12, (self.pixels**2, self.neurons)) for name in names}
        rule = rules.find(self.rule)
        one = soft_wta(
            given[names[0]],
            rule=rule,
            encoder=regular.with_parameters(max_rate=self.max_rate_hz * Hz),
            temperature=self.temperature,
            tau_m=self.tau_m_ms * ms,
            **({"eta": self.eta} if ages(rule) else {}),
        )
        parts = dict(one.projections)
        feedforward = parts.pop("feedforward")
        late = {
            name: dataclasses.replace(
                feedforward, weights=np.asarray(given[name], float), delay=number * self.frame_ms * ms
            )
            for number, name in enumerate(names)
        }
        return dataclasses.replace(one, name="moving_bar", projections=late | parts)


def learn_direction(
    task: MovingBar | None = None,
    *,
    device: Device | str | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress = quiet,
) -> Mapping[str, Any]:
    """Let neurons learn a moving bar, and measure how selective they are for its direction, before and after.

    The index of a neuron is ``(preferred - opposite)/(preferred + opposite)`` of its spikes.

    Parameters
    ----------
    task : MovingBar, optional
    device : Device or str, optional
        The fastest that works here when left out.
    out : path, optional
        A folder for ``run.json``.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    mapping
        ``metrics``: the mean index before and after learning, the median after it, and the share of test films whose
        direction is that which most spikes' neurons prefer; ``index`` and ``preferred`` of each neuron.

    Raises
    ------
    FileExistsError
        If ``out`` holds another run.

    Examples
    --------
    >>> short = learn_direction(MovingBar(neurons=4, pixels=3, delays=2, films=8, tested=2), device="numpy")
    >>> len(short["index"])
    4
    """
    task = task or MovingBar()
    where = devices.find(device)
    identity = {"kind": KIND, "config": asdict(task), "device": where.name, "versions": versions()}

    def measure(tell: Progress) -> Mapping[str, Any]:
        return _measured(task, where, tell)

    if out is None:
        return {**identity, **measure(progress)}
    return once(identity, measure, out=Path(out), overwrite=overwrite, progress=progress)


def selectivity(counts: ArrayLike) -> tuple[Float, Int]:
    """Return the direction selectivity index of each neuron, and its preferred direction.

    Parameters
    ----------
    counts : array_like, shape (directions, films, neurons)
        Spikes. The even films find the preferred direction, the odd ones measure; a neuron that is silent in these has
        the index 0.

    Examples
    --------
    >>> index, preferred = selectivity([[[9, 0], [6, 0]], [[1, 0], [2, 0]], [[0, 5], [0, 4]], [[0, 4], [0, 4]]])
    >>> index.tolist(), preferred.tolist()
    ([0.5, 0.0], [0, 2])
    """
    table = np.asarray(counts, float)
    preferred = table[:, ::2].sum(axis=1).argmax(axis=0)
    measured, neuron = table[:, 1::2].sum(axis=1), np.arange(table.shape[2])
    best, opposite = measured[preferred, neuron], measured[preferred ^ 1, neuron]
    return (best - opposite) / np.maximum(best + opposite, 1), preferred


def _measured(task: MovingBar, device: Device, tell: Progress) -> dict[str, Any]:
    films, before = task.film, task.circuit()
    order = generator(task.seed, "directions", 1).permutation(np.arange(task.films) % len(DIRECTIONS))
    begun, _ = selectivity(_counts(task, before, device, tell, "testing before"))
    seen = simulate(
        before,
        movies(films[order], duration=task.duration),
        device=device,
        dt=DT,
        seed=seed_of(task.seed, "directions", 0),
        progress=of_stage(tell, "learning"),
    )
    weights = {name: seen.weights[name] for name in seen.weights if name.startswith("after_")}
    counts = _counts(task, task.circuit(weights), device, tell, "testing")
    index, preferred = selectivity(counts)
    votes = np.stack([counts[..., preferred == k].sum(axis=2) for k in range(len(DIRECTIONS))], axis=2)[:, 1::2]
    right = votes.argmax(axis=2) == np.arange(len(DIRECTIONS))[:, None]
    metrics = {
        "direction_selectivity_before": float(begun.mean()),
        "direction_selectivity": float(index.mean()),
        "direction_selectivity_median": float(np.median(index)),
        "accuracy_direction": float(right.mean()),
    }
    return {"metrics": metrics, "index": index.tolist(), "preferred": [DIRECTIONS[k] for k in preferred]}


def _counts(task: MovingBar, circuit: Circuit, device: Device, tell: Progress, stage: str) -> Any:
    """Return the spikes of each neuron for the test films, shape (directions, films, neurons)."""
    shown = np.repeat(np.arange(len(DIRECTIONS)), task.tested)
    seen = simulate(
        circuit.frozen(),
        movies(task.film[shown], duration=task.duration),
        device=device,
        dt=DT,
        seed=seed_of(task.seed, "directions", 1),
        record=("output",),
        progress=of_stage(tell, stage),
    )
    counts = presentation_counts(
        seen.spikes["output"], neurons=task.neurons, presentations=len(shown), presentation=task.duration
    )
    return counts.toarray().reshape(len(DIRECTIONS), task.tested, task.neurons)
