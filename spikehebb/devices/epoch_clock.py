"""A clock for what happens at the end of every epoch: in the last step of each."""

from __future__ import annotations

from typing import Any

import brian2
from brian2 import second


class EpochClock(brian2.Clock):  # type: ignore[misc]
    """A clock that ticks one time step before each whole number of its periods.

    Parameters
    ----------
    period, step : float
        The length of an epoch and of a time step, in seconds.
    name : str
    """

    dt, dt_ = brian2.Clock.dt, brian2.Clock.dt_  # Brian2 takes properties from the class itself

    def __init__(self, period: float, step: float, name: str) -> None:
        super().__init__(period * second, name)
        self._step = step

    def set_interval(self, start: Any, end: Any) -> None:
        """Start at the end of the first epoch, which a run may be too short for."""
        super().set_interval(start, end + self._step * second if end > start else end)
        if self.variables["timestep"].get_value() == 0 and self._i_end > 0:
            self.advance()

    def advance(self) -> None:
        """Go on to the end of the next epoch."""
        super().advance()
        self.variables["t"].set_value(self.variables["timestep"].get_value() * self.dt_ - self._step)


_CLASS = """
struct EpochClock : public Clock
{
    const double step;
    EpochClock(const Clock& clock, double step) : Clock(clock), step(step) {}
    void tick()
    {
        timestep[0] += 1;
        t[0] = timestep[0] * dt[0] - step;
    }
    void set_interval(double start, double end)
    {
        Clock::set_interval(start, end + step);
        if (timestep[0] == 0)
            tick();
    }
};
"""
_REPLACE = """
EpochClock epochs_{name}({name}, {step!r});
for (auto& object : network.objects)
    if (object.first == &{name})
        object.first = &epochs_{name};
"""


def epoch_clocks(network: brian2.Network) -> str:
    """Return what a compiled program does before ``network.run`` to have these clocks."""
    clocks = {item.clock for item in network.sorted_objects}
    found = {clock.name: clock._step for clock in clocks if isinstance(clock, EpochClock)}
    return "".join([_CLASS, *(_REPLACE.format(name=name, step=found[name]) for name in sorted(found))]) if found else ""
