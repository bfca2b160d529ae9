"""Catalogues: each lists the values that its files define, so that a value is written down once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from spikehebb.core import Frozen


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str: ...  # noqa: D102


def collected[V: Named](kind: type[V], *files: Mapping[str, object]) -> Frozen[V]:
    """Return the values of a kind that files define, by name, in the order of their definition.

    Parameters
    ----------
    kind : type
    files : mapping of str to object
        ``globals()`` of a file or ``vars(module)``. Variables that begin with an underscore are left out.

    Raises
    ------
    ValueError
        If a value is called otherwise than its variable, or two files have a value of the same name.

    Examples
    --------
    >>> from spikehebb.core import PlasticityRule
    >>> from spikehebb.rules import homeostasis
    >>> list(collected(PlasticityRule, vars(homeostasis)))
    ['normalization', 'unit_norm', 'synaptic_scaling']
    """
    listed: dict[str, V] = {}
    for file in files:
        for variable, value in file.items():
            if not isinstance(value, kind) or variable.startswith("_"):
                continue
            where = f"{file['__name__']}.{variable}"
            if value.name.replace("-", "_") != variable:
                raise ValueError(f"{where} has the name {value.name!r}; give the value and its variable the same name.")
            if value.name in listed:
                raise ValueError(
                    f"{where}: another file has a {kind.__name__} of this name; choose another name, or import the "
                    "file and not the value."
                )
            listed[value.name] = value
    return Frozen(listed)


def named(value: Any, catalogue: Mapping[str, object]) -> Any:
    """Return the name of a value of a catalogue, and anything else as it is.

    Examples
    --------
    >>> from spikehebb.rules import RULES
    >>> named(RULES["oja"], RULES), named("oja", RULES)
    ('oja', 'oja')
    """
    name = getattr(value, "name", "")
    return name if catalogue.get(name) is value else value
