"""The works that rules and measurements cite, kept in ``references.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path

from spikehebb.core import Frozen, Reference
from spikehebb.equations import did_you_mean


def _read() -> Frozen[Reference]:
    entries = tomllib.loads((Path(__file__).parent / "references.toml").read_text(encoding="utf-8"))
    works = {}
    for key, entry in entries.items():
        works[key] = Reference(key=key, **{**entry, "authors": tuple(entry["authors"])})
    return Frozen(works)


REFERENCES = _read()


def cite(*keys: str) -> tuple[Reference, ...]:
    """Return works by their keys.

    Raises
    ------
    ValueError
        If ``references.toml`` lacks one.

    Examples
    --------
    >>> from spikehebb.rules.references import cite
    >>> print(*cite("oja1982"))
    Oja, Journal of Mathematical Biology 15:267-273, 1982
    """
    for key in keys:
        if key not in REFERENCES:
            raise ValueError(
                f"there is no work {key!r}; add it to spikehebb/rules/references.toml.{did_you_mean(key, REFERENCES)}"
            )
    return tuple(REFERENCES[key] for key in keys)
