"""Which oracle belongs to which rule: written at the oracle itself."""

from __future__ import annotations

from collections.abc import Callable


class Oracles[O: Callable[..., object]](dict[str, O]):
    """Oracles of one kind, by the names of the rules."""

    def of(self, *rules: str) -> Callable[[O], O]:
        """Make a function the oracle of rules: of one, or of all parameter sets of the same equations."""

        def keep(oracle: O) -> O:
            for rule in rules:
                if rule in self:
                    raise ValueError(f"rule {rule} has two oracles, {self[rule].__name__} and {oracle.__name__}.")
                self[rule] = oracle
            return oracle

        return keep
