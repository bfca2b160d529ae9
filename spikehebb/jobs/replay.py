"""Any rule applied to recorded spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, ms, second

from spikehebb import devices, protocols, rules
from spikehebb.circuits import synapse_pair
from spikehebb.core import Float, PlasticityRule, display
from spikehebb.core.progress import Fraction, stage_reporter
from spikehebb.core.times import on_grid
from spikehebb.devices import Device
from spikehebb.simulation.simulate import simulate

_SAMPLES = 10_000_000  # at most this many (and as many again) samples of the weight are kept
_DRAWN = 2000
_NEAR = 1e-3  # of a sample: how far a spike may lie off the grid


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A weight under recorded spikes.

    Parameters
    ----------
    rule : str
    pre, post : Quantity
        The spike times, on the grid.
    times : Quantity, shape (n,)
        0 (the start), the time of every spike on either side (for presynaptic spikes, of their arrival), and the end.
    w : array, shape (n,)
        The weight at the start, then at the end of the step that begins at each time. Runs of more than ten million
        steps are sampled more coarsely, and the times are then those of the samples.
    sample_times, samples : Quantity and array
        The weight at up to 2000 evenly spaced times, for drawing.
    w_final : float
        The weight when the run ends, 100 ms after the last spike unless a duration was given.
    """

    rule: str
    pre: Quantity
    post: Quantity
    times: Quantity
    w: Float
    sample_times: Quantity
    samples: Float
    w_final: float

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    to_frame = display.to_frame
    save = display.save

    def rows(self) -> list[dict[str, float]]:
        """Return one row for each time at which the weight is known."""
        times = np.round(np.asarray(self.times / ms), 9).tolist()
        return [{"time_ms": time, "w": w} for time, w in zip(times, self.w.tolist(), strict=True)]

    def report(self) -> dict[str, Any]:
        """Return the replay as plain data for JSON."""
        rows = self.rows()
        return {
            "rule": self.rule,
            "t_ms": [row["time_ms"] for row in rows],
            "w": [row["w"] for row in rows],
            "w_final": self.w_final,
        }


def replay(
    rule: PlasticityRule | str,
    pre: Quantity,
    post: Quantity,
    *,
    reward: Quantity | None = None,
    w0: float = 0.5,
    delay: Quantity = 0 * ms,
    duration: Quantity | None = None,
    device: Device | str = "numpy",
    dt: Quantity = 0.1 * ms,
    seed: int = 0,
    round_times: bool = False,
    progress: Fraction | None = None,
) -> Replay:
    """Apply a rule to recorded pre- and postsynaptic spike times.

    Parameters
    ----------
    rule : PlasticityRule or str
    pre, post : Quantity, shape (spikes,)
        Increasing times on the grid of ``dt``.
    reward : Quantity, optional
        Times of rewards, for a rule with a third factor; none when left out.
    w0 : float
        The weight at the start.
    delay : Quantity
        From a presynaptic spike to its arrival; the rule's lags count from there.
    duration : Quantity, optional
        Of the run; until 100 ms after the last spike when left out.
    device, dt, seed
        As in ``stdp_window``.
    round_times : bool
        Round all times to the grid of ``dt`` instead of refusing those that are off it.
    progress : callable, optional
        Called with the completed fraction.

    Returns
    -------
    Replay

    Raises
    ------
    ValueError
        If a time has no unit, is not finite or off the grid, or the weight starts outside the bounds of the rule.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.rules import stdp_pair
    >>> trace = replay(stdp_pair, [10, 30] * ms, [15] * ms)
    >>> trace.w.round(6).tolist()
    [0.5, 0.5, 0.503894, 0.501414, 0.501414]
    """
    rule = rules.find(rule)
    late = on_grid("a delay", delay, dt, least=0.0, round_times=round_times)
    circuit = synapse_pair(rule, w=w0, delay=late * second)
    sides: dict[str, Quantity] = {"pre": pre, "post": post}
    if "reward" in circuit.populations:
        sides["reward"] = np.zeros(0) * second if reward is None else reward
    elif reward is not None:
        raise ValueError(f"rule {rule.name} has no third factor, so rewards mean nothing to it; leave them out.")
    trains = {name: [times] for name, times in sides.items()}
    protocol = protocols.spike_trains(
        trains["pre"],
        trains["post"],
        reward=trains.get("reward"),
        duration=duration,
        dt=dt,
        round_times=round_times,
    )
    every = max(1, round(float(protocol.duration / dt)) // _SAMPLES)
    recording = simulate(
        circuit,
        protocol,
        device=devices.find(device),
        dt=dt,
        seed=seed,
        record=["synapse.w"],
        every=every,
        progress=stage_reporter(progress),
    )
    trace = recording.traces["synapse.w"][:, 0]
    arrival = float(late) + (float(rule.parameters[rule.lag]) if rule.lag else 0.0)
    columns = {name: rows[np.isfinite(rows)] for name, rows in protocol.stimuli.items()}
    events = [times + (arrival if name == "pre" else 0.0) for name, times in columns.items()]
    samples = np.unique(np.ceil(np.concatenate(events) / float(dt * every) - _NEAR).astype(int))
    samples = np.append(samples[samples < len(trace) - 1], len(trace) - 1)
    drawn = np.linspace(0, len(trace) - 1, min(len(trace), _DRAWN)).astype(int)
    return Replay(
        rule=rule.name,
        pre=columns["pre"] * second,
        post=columns["post"] * second,
        times=np.concatenate([[0.0], samples * float(dt * every)]) * second,
        w=np.concatenate([[w0], trace[samples]]),
        sample_times=drawn * float(dt * every) * second,
        samples=trace[drawn],
        w_final=float(recording.weights["synapse"][0, 0]),
    )
