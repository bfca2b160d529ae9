"""A clock for what happens at the end of every epoch, and so not at the beginning of the first one."""

from __future__ import annotations

from typing import Any

import brian2


class EpochClock(brian2.Clock):  # type: ignore[misc]
    """A clock that first ticks at the end of its first period."""

    dt, dt_ = brian2.Clock.dt, brian2.Clock.dt_  # Brian2 takes properties from the class itself

    def set_interval(self, start: Any, end: Any) -> None:
        """Start at the first tick, which a run may be too short for."""
        super().set_interval(start, end)
        if self.variables["timestep"].get_value() == 0 and self._i_end > 0:
            self.advance()


_CLASS = """
struct EpochClock : public Clock
{
    EpochClock(const Clock& clock) : Clock(clock) {}
    void set_interval(double start, double end)
    {
        Clock::set_interval(start, end);
        if (timestep[0] == 0)
            tick();
    }
};
"""
_REPLACE = """
EpochClock epochs_{name}({name});
for (auto& object : network.objects)
    if (object.first == &{name})
        object.first = &epochs_{name};
"""


def epoch_clocks(network: brian2.Network) -> str:
    """Return what a compiled program does before ``network.run`` to have these clocks."""
    clocks = {item.clock for item in network.sorted_objects}
    names = sorted(clock.name for clock in clocks if isinstance(clock, EpochClock))
    return "".join([_CLASS, *(_REPLACE.format(name=name) for name in names)]) if names else ""
