"""Whether a circuit, a protocol and a time step fit together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from brian2 import Quantity

from spikehebb import equations as text
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Protocol
from spikehebb.core.times import NEAR, on_grid, time_step
from spikehebb.encoders import ENCODERS

_FEWEST, _MOST = 1, 9999  # time steps in a presentation; Brian2 takes clocks further apart for simultaneous


def check_fit(circuit: Circuit, protocol: Protocol, *, dt: Quantity, record: Iterable[str], every: int) -> float:
    """Return the time step in seconds; raise ``ValueError`` if something does not fit."""
    for name in sorted({each for each in record if "." not in each}):
        if name not in circuit.populations or not circuit.populations[name].model.threshold:
            spiking = [n for n, p in circuit.populations.items() if p.model.threshold]
            raise ValueError(f"cannot record spikes of {name!r}.{text.did_you_mean(name, spiking)}")
    step = time_step(dt)
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise ValueError(f"every must be a whole number of time steps, at least 1, got {every!r}.")
    on_grid("protocol: a duration", protocol.duration, dt)
    for name, projection in circuit.projections.items():
        on_grid(f"circuit {circuit.name}, projection {name}: a delay", projection.delay, dt)
        on_grid(f"circuit {circuit.name}, projection {name}: a dendritic delay", projection.dendritic_delay, dt)
    presentation = None if protocol.presentation is None else float(protocol.presentation)
    if presentation is not None and not (_whole(presentation / step) and _FEWEST <= presentation / step <= _MOST):
        raise ValueError(
            f"a presentation of {protocol.presentation} is not a whole number, {_FEWEST} to {_MOST}, "
            f"of time steps of {text.said(dt)}."
        )
    frame = None if presentation is None else presentation / protocol.frames
    if frame is not None and not (_whole(frame / step) and frame / step >= 1 - NEAR):
        raise ValueError(
            f"a frame, of which a presentation of {protocol.presentation} has {protocol.frames}, is no whole number of "
            f"time steps of {text.said(dt)}."
        )
    for name in protocol.stimuli:
        if name not in circuit.populations:
            raise ValueError(
                f"the protocol stimulates {name!r}, but circuit {circuit.name} has no such population."
                f"{text.did_you_mean(name, circuit.populations)}"
            )
        model = circuit.populations[name].model
        if not stimulus_of(model):
            raise ValueError(
                f"the protocol stimulates {name!r}, but {model.name} neurons take no stimulus; "
                f"an encoder does ({', '.join(ENCODERS)})."
            )
        if protocol.frames > 1 and text.calls(model.onset, "stimulus"):
            raise ValueError(
                f"the protocol presents {protocol.frames} frames to {name!r}, but {model.name} neurons read their "
                "stimulus in 'onset', at the first one only; read it in 'frame'."
            )
    for projection in circuit.projections.values():
        rule = projection.rule
        if rule and not _whole(epoch_of(rule) / step):
            raise ValueError(
                f"rule {rule.name}: an epoch of {text.said(rule.parameters[rule.epoch])} is no whole number of time "
                f"steps of {text.said(dt)}."
            )
    return step


def neuron_texts(model: NeuronModel) -> list[str]:
    """Return all that a model says of its neurons themselves."""
    return [
        model.equations,
        model.threshold,
        model.reset,
        model.refractory,
        model.onset,
        model.frame,
        model.update,
    ]


def stimulus_of(model: NeuronModel) -> str:
    """Return what a model calls to learn what is presented to it."""
    used = text.used(*neuron_texts(model))
    return next((function for function in ("stimulus", "spike_time") if function in used), "")


def epoch_of(rule: PlasticityRule) -> float:
    """Return how long a learning epoch of a rule is, in seconds; 0 without epochs."""
    return float(rule.parameters[rule.epoch]) if rule.epoch else 0.0


def _whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6
