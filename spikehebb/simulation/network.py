"""The Brian2 network of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import brian2
import numpy as np
from brian2 import second
from numpy.typing import NDArray

from spikehebb import devices
from spikehebb.devices import Device
from spikehebb.equations import EXACT_IN_BLOCKS, in_blocks
from spikehebb.simulation import costs, counted_random
from spikehebb.simulation.plan import AT_POST, Plan, ProjectionPlan, pathways, resting
from spikehebb.simulation.plan_values import timed
from spikehebb.simulation.recording import COUNT, trace_name

IF_EPOCH, AT_EPOCH, AFTER_EPOCH = 1, 2, 3  # order at the end of an epoch's last step, after recording (0)
ARRIVAL = -1  # order of arriving spikes among what synapses do in a step
# A postsynaptic spike is decided before the step's inputs arrive; at coincident spikes each side reads the other's
# traces from before.
_SLOTS = ("groups", "thresholds", "synapses", "resets")
PATHWAYS = ("pre", "plastic", "post", "backpropagated")  # whose delays are values
ORDERS = {"post": ARRIVAL - 1, "backpropagated": ARRIVAL + 1}


def build(
    plan: Plan, values: Mapping[str, NDArray[Any]] | None = None, device: Device = devices.CPP
) -> tuple[brian2.Network, dict[str, Any]]:
    """Return the Brian2 network of a plan, and its objects by name.

    Parameters
    ----------
    plan : Plan
    values : mapping of str to array, optional
        Stimuli; a program that gets them later starts from zeros.
    device : Device
        What the program will run on.
    """
    clock = brian2.Clock(dt=plan.dt * second, name="steps")
    onsets = None
    if any(part.onset for parts in (plan.populations, plan.projections) for part in parts.values()):
        once = plan.presentation is None
        onsets = (
            brian2.EventClock([0] * second, "onsets") if once else brian2.Clock(plan.presentation * second, "onsets")
        )
    frames = brian2.Clock(plan.frame * second, "frames") if any(p.frame for p in plan.populations.values()) else None
    objects: dict[str, Any] = {}
    network = brian2.Network(name="network")
    last = max(part.level for part in plan.populations.values())
    if last:
        network.schedule = ["start", *(slot for level in range(last + 1) for slot in slots(level).values()), "end"]
    for name, part in plan.populations.items():
        namespace: dict[str, Any] = dict(counted_random.FUNCTIONS)
        if part.stimulus:
            key = timed(name)
            rows = np.zeros((part.rows, part.columns)) if values is None else values[f"{key}.values"]
            period, unit = (plan.frame or 1, 1) if part.stimulus == "stimulus" else (1, second)
            rows = rows.reshape(part.rows, part.columns)
            namespace[part.stimulus] = brian2.TimedArray(rows * unit, dt=period * second, name=key)
        options: dict[str, Any] = {"refractory": part.refractory} if part.refractory else {}
        if part.events:
            options["events"] = {f"{projection}_ended": condition for projection, condition in part.events}
        if part.threshold:
            options |= {"threshold": part.threshold, "reset": part.reset}
        method = in_blocks if part.method == EXACT_IN_BLOCKS else part.method
        group = brian2.NeuronGroup(
            part.size, part.model, method=method, clock=clock, namespace=namespace, name=name, **options
        )
        when = slots(part.level)
        group.state_updater.when = when["groups"]
        if part.threshold:
            group.thresholder["spike"].when = when["thresholds"]
            group.resetter["spike"].when = when["resets"]
        if part.onset:
            order = -1 if part.frame else 0  # a reset comes before what begins
            group.run_regularly(part.onset, clock=onsets, when="start", order=order, name=f"{name}_onset")
        if part.frame:
            group.run_regularly(part.frame, clock=frames, when="start", name=f"{name}_frame")
        if part.update:
            group.run_regularly(
                part.update, clock=clock, when=when["groups"], order=part.update_order, name=f"{name}_update"
            )
        for projection, _ in part.events:
            group.set_event_schedule(f"{projection}_ended", when="end", order=IF_EPOCH)
        for number, (period, statements) in enumerate(part.epochs):
            _at_epochs(group, statements, period, plan.dt, f"{name}_epoch_{number}", order=AFTER_EPOCH)
        objects[name] = group
        if part.threshold and COUNT not in part.model:
            monitor = f"spikes_{name}"
            objects[monitor] = brian2.SpikeMonitor(group, record=name in plan.record, name=monitor)
    for name, wiring in plan.projections.items():
        if values is None and (variable := resting(wiring)):
            _connect_resting(name, wiring, objects, variable, clock=clock, device=device)
        else:
            _connect(name, wiring, objects, dt=plan.dt, clock=clock, onsets=onsets)
    if plan.traces:
        samples = clock if plan.every == 1 else brian2.Clock(dt=plan.every * plan.dt * second, name="samples")
        for trace in plan.traces:
            owner, variable = trace.split(".")
            monitor = trace_name(trace)
            everything = np.arange(_size(plan, owner))  # the number of synapses is not yet set in a program
            objects[monitor] = brian2.StateMonitor(
                objects[owner], variable, record=everything, clock=samples, when="end", name=monitor
            )
    network.add(*objects.values())
    return network, objects


def slots(level: int) -> dict[str, str]:
    """Return what Brian2's slots of a time step are called for the populations of a level.

    Examples
    --------
    >>> slots(0)["groups"], slots(1)["groups"]
    ('groups', 'groups_1')
    """
    return {slot: f"{slot}_{level}" if level else slot for slot in _SLOTS}


def _size(plan: Plan, owner: str) -> int:
    """Return how many neurons or synapses a population or projection has."""
    if owner in plan.populations:
        return plan.populations[owner].size
    return costs.synapses_of(plan, plan.projections[owner])


def _connect_resting(
    name: str, wiring: ProjectionPlan, objects: dict[str, Any], variable: str, *, clock: Any, device: Device
) -> None:
    """Let a compiled program add rows of weights instead of going through queues and lists of synapses."""
    pre, post = objects[wiring.pre], objects[wiring.post]
    size, replicas = len(pre) * len(post) // wiring.copies, wiring.copies
    weights = brian2.NeuronGroup(size // replicas if wiring.shared else size, wiring.model, clock=clock, name=name)
    objects |= {name: weights} | devices.arrival(
        device, name, pre, weights, post, variable, clock=clock, order=ARRIVAL, copies=replicas
    )


def listed(wiring: ProjectionPlan) -> str:
    """Return why a projection needs lists of synapses, where it does."""
    if wiring.connected is not None:
        return "not all are connected"
    return "each synapse has a delay of its own" if wiring.own_delays else ""


def explain(plan: Plan) -> dict[str, str]:
    """Return how a compiled C++ program goes through the synapses of each projection."""
    return {
        name: f"lists of synapses, since {why}"
        if (why := listed(wiring))
        else "rows of resting weights"
        if resting(wiring)
        else "rows and columns, all to all"
        for name, wiring in plan.projections.items()
    }


def _at_epochs(owner: Any, statements: str, period: float, dt: float, name: str, *, order: int) -> None:
    """Let statements be executed at the end of every epoch, which is the end of its last step."""
    clock = devices.EpochClock(period, dt, f"{name}_clock")
    owner.run_regularly(statements, clock=clock, when="end", order=order, name=name)


def _connect(name: str, wiring: ProjectionPlan, objects: dict[str, Any], *, dt: float, clock: Any, onsets: Any) -> None:
    """Make the Brian2 objects of a projection."""
    pre, post = objects[wiring.pre], objects[wiring.post]
    acting = pathways(wiring)
    on_pre = {pathway: code for pathway, (code, _) in acting.items() if pathway not in AT_POST}
    on_post = {pathway: code for pathway, (code, _) in acting.items() if pathway in AT_POST}
    events = {}
    if wiring.update_if:
        on_post["ended"], events = wiring.update, {"on_event": {"ended": f"{name}_ended"}}
    texts = {k: v for k, v in {"on_pre": on_pre, "on_post": on_post, **events}.items() if v}
    dense = not listed(wiring) and devices.takes_all_to_all()
    synapses = brian2.Synapses(
        pre,
        post,
        wiring.model,
        clock=clock,
        delay={pathway: late * second for pathway, (_, late) in acting.items()} if dense else None,
        name=name,
        namespace=dict(counted_random.FUNCTIONS),
        method=wiring.method,
        **texts,
    )
    if dense:
        devices.all_to_all(synapses, wiring.copies)
    if wiring.connected is None and wiring.copies == 1:
        synapses.connect()
    elif wiring.connected is None:  # each replica with itself, row by row as without replicas
        rows, columns = len(pre) // wiring.copies, len(post) // wiring.copies
        synapses.connect(j=f"k for k in range((i//{rows})*{columns}, (i//{rows} + 1)*{columns})")
    else:
        synapses.connect(i=wiring.connected[0], j=wiring.connected[1])
    for name_of, (_, late) in acting.items():
        pathway = getattr(synapses, name_of)
        pathway.when = slots(wiring.level)["synapses"]
        pathway.order = ORDERS.get(name_of, ARRIVAL)
        if ("post" if name_of in AT_POST else "pre") in wiring.own_delays:
            devices.take_delays(pathway)
        elif late and not dense:
            pathway.delay = late * second
    for variable in wiring.summed:
        updater = synapses.summed_updaters[f"{variable}_post"]
        updater.when, updater.order = slots(wiring.level)["groups"], wiring.order
    for variable in wiring.learned:  # the last projection first, so that an error passes down through all layers
        synapses.summed_updaters[variable].order = wiring.learn_order - wiring.order
    if synapses.state_updater is not None:
        synapses.state_updater.order = wiring.learn_order + 1
    if wiring.update_if:
        synapses.ended.when, synapses.ended.order = "end", AT_EPOCH
    elif wiring.update and wiring.epoch:
        _at_epochs(synapses, wiring.update, wiring.epoch, dt, f"{name}_update", order=AT_EPOCH)
    elif wiring.update:
        synapses.run_regularly(
            wiring.update, clock=clock, when="groups", order=wiring.learn_order + 2, name=f"{name}_update"
        )
    for number, statements in enumerate(wiring.onset):
        synapses.run_regularly(statements, clock=onsets, when="start", order=number + 1, name=f"{name}_onset_{number}")
    objects[name] = synapses
    for group, code, late, said in (
        (pre, wiring.arrive, wiring.delay + wiring.lag, "arrival"),
        (post, wiring.back, wiring.dendritic, "backpropagation"),
    ):
        if code:
            objects[f"{name}_{said}"] = _later(group, code, late, f"{name}_{said}", clock)


def _later(group: Any, code: str, late: float, name: str, clock: Any) -> Any:
    """Return synapses of neurons with themselves in which a spike changes their traces later than it is fired."""
    loop = brian2.Synapses(group, group, on_pre=code, clock=clock, name=name, namespace=dict(counted_random.FUNCTIONS))
    loop.connect(j="i")
    loop.pre.delay = late * second
    loop.pre.order = ORDERS["backpropagated"]
    return loop


def holder(objects: Mapping[str, Any], name: str) -> Any:
    """Return the object of that name, be it a pathway of a projection (``feedforward_pre``), or None."""
    acting = {f"{owner}_{pathway}": (held, pathway) for owner, held in objects.items() for pathway in PATHWAYS}
    held, pathway = acting.get(name, (None, ""))
    return objects.get(name) or getattr(held, pathway, None)
