"""Energy of a workload, from named tables of what an operation costs. An estimate that states what it leaves out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikehebb.core import Frozen
from spikehebb.equations import did_you_mean
from spikehebb.metrics.workload import Workload

# What may have a price. "spike" is its transport; "trace" and "plasticity" are updates of one trace, one synapse.
OPERATIONS = ("synaptic_ac", "synaptic_mac", "neuron_update", "spike", "plasticity", "trace")
PICO = 1e-12


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one operation costs, in picojoules.

    Parameters
    ----------
    pj : float
    source : str
        Where the number was read, or how it was computed.
    verified : bool
        Whether it could be confirmed. Second-hand numbers, read in another published source, count as verified and
        their source states it.
    """

    pj: float
    source: str
    verified: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Costs:
    """A table of costs per operation.

    Raises
    ------
    ValueError
        If an operation is unknown, a cost has no source, or is no number of at least 0.
    """

    name: str
    summary: str
    costs: Mapping[str, Cost]

    def __post_init__(self) -> None:
        for name, cost in self.costs.items():
            if name not in OPERATIONS:
                raise ValueError(f"costs {self.name}: there is no operation {name!r}.{did_you_mean(name, OPERATIONS)}")
            if isinstance(cost.pj, bool) or not (isinstance(cost.pj, (int, float)) and 0 <= cost.pj < math.inf):
                raise ValueError(f"costs {self.name}: {name} must be a finite number of at least 0, got {cost.pj!r}.")
            if not cost.source.strip():
                raise ValueError(f"costs {self.name}: {name} needs a source.")
        object.__setattr__(self, "costs", Frozen(self.costs))


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of an estimate; ``pj_each`` is None where the table has no price."""

    operation: str
    number: float
    pj_each: float | None
    joule: float
    source: str
    verified: bool


@dataclass(frozen=True, kw_only=True)
class Energy:
    """An itemized estimate. Memory, wires between chips, leakage and the host are never in it."""

    table: str
    items: tuple[Item, ...]

    @property
    def joule(self) -> float:
        """All items that have a price."""
        return sum(item.joule for item in self.items)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Operations that happened and that the table has no price for."""
        return tuple(item.operation for item in self.items if item.pj_each is None and item.number)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain numbers."""
        return {
            "table": self.table,
            "joule": self.joule,
            "unpriced": list(self.unpriced),
            "unverified": [item.operation for item in self.items if item.pj_each is not None and not item.verified],
            "items": [vars(item) for item in self.items],
        }


def _arithmetic(name: str, summary: str, add: float, multiply: float, source: str) -> Costs:
    """Return the costs of bare arithmetic: what an operation needs at least, in additions and multiplications."""
    computed = f"computed from {source}"
    return Costs(
        name=name,
        summary=f"{summary}; arithmetic alone, no memory",
        costs={
            "synaptic_ac": Cost(pj=add, source=source),
            "synaptic_mac": Cost(pj=add + multiply, source=computed),
            "neuron_update": Cost(pj=multiply + 2 * add, source=f"{computed}: decay, input, comparison"),
            "plasticity": Cost(pj=multiply + 3 * add, source=f"{computed}: product, sum, two bounds"),
            "trace": Cost(pj=multiply, source=f"{computed}: decay"),
        },
    )


_HOROWITZ = "Horowitz, ISSCC 2014 (45 nm, 0.9 V), second-hand in"
_UNIVERSAL = f"{_HOROWITZ} stillwater-sc/universal: include/sw/universal/energy/cost_models/generic_45nm.hpp"
_TABLE = f"{_HOROWITZ} PMC8934428, table 3, and stillwater-sc/universal: generic_45nm.hpp"
_DAVIES = "Davies et al., IEEE Micro 38(1):82, 2018, table 2 (simulated before silicon), second-hand in"
_SANA = f"{_DAVIES} SLAM-Lab/SANA-FE (an early sim.h)"
_SPIN = "arXiv 1903.08941, second-hand in nengo/keras-spiking: keras_spiking/model_energy.py"

TABLES: Mapping[str, Costs] = Frozen(
    {
        table.name: table
        for table in (
            Costs(
                name="loihi1",
                summary="Intel Loihi, 14 nm, at the least that its designers state",
                costs={
                    "synaptic_ac": Cost(pj=23.6, source=f"{_SANA}; a minimum"),
                    "neuron_update": Cost(pj=81.0, source=f"{_SANA}; of an active neuron, an inactive one takes 52"),
                    "spike": Cost(pj=1.7, source=f"{_SANA}; within one tile of four cores"),
                    "plasticity": Cost(
                        pj=120.0,
                        source="Davies et al., IEEE Micro 38(1):82, 2018, table 2: synaptic update by pair STDP; from "
                        "informal quotations",
                        verified=False,
                    ),
                },
            ),
            Costs(
                name="spinnaker",
                summary="SpiNNaker, 130 nm, programs on ARM cores",
                costs={
                    "synaptic_ac": Cost(pj=13_300.0, source=_SPIN),
                    "neuron_update": Cost(pj=26_000.0, source=_SPIN),
                },
            ),
            _arithmetic("int8_45nm", "8-bit integers, 45 nm", 0.03, 0.2, _UNIVERSAL),
            _arithmetic("int32_45nm", "32-bit integers, 45 nm", 0.1, 3.1, _TABLE),
            _arithmetic("float32_45nm", "32-bit floating point, 45 nm", 0.9, 3.7, _TABLE),
        )
    }
)


def find_costs(name: str) -> Costs:
    """Return a table of costs by name.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> find_costs("int8_45nm").costs["synaptic_ac"].pj
    0.03
    """
    if name not in TABLES:
        raise ValueError(f"there is no table of costs {name!r}.{did_you_mean(name, TABLES)}")
    return TABLES[name]


def estimate_energy(work: Workload, costs: Costs) -> Energy:
    """Return what a workload costs, item by item.

    Examples
    --------
    >>> from spikehebb.circuits import lif_wta
    >>> from spikehebb.metrics import count_work
    >>> work = count_work(lif_wta([[1.0, 3.0]]), counts={"input": [5], "output": [2, 1]}, steps=10)
    >>> energy = estimate_energy(work, find_costs("loihi1"))
    >>> [(item.operation, item.number) for item in energy.items if item.number]
    [('synaptic_ac', 13.0), ('neuron_update', 20.0), ('spike', 3.0)]
    >>> round(energy.joule / 1e-12, 1)  # 13*23.6 + 20*81 + 3*1.7
    1931.9
    """
    numbers = {
        "synaptic_ac": work.effective_ac,
        "synaptic_mac": work.effective_mac,
        "neuron_update": work.neuron_updates,
        "spike": work.spikes,
        "plasticity": work.plasticity.synapses,
        "trace": work.plasticity.traces,
    }
    items = []
    for operation, number in numbers.items():
        cost = costs.costs.get(operation)
        items.append(
            Item(
                operation=operation,
                number=number,
                pj_each=None if cost is None else cost.pj,
                joule=0.0 if cost is None else number * cost.pj * PICO,
                source="" if cost is None else cost.source,
                verified=cost is not None and cost.verified,
            )
        )
    return Energy(table=costs.name, items=tuple(items))
