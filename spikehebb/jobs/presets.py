"""Networks that learn images, each with the settings that gave its figures, as data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from spikehebb.core import Frozen
from spikehebb.equations import did_you_mean
from spikehebb.jobs.digit_settings import Settings


@dataclass(frozen=True, kw_only=True)
class LearnPreset:
    """Settings of a network, where they come from, and what they give.

    Parameters
    ----------
    name, summary, source : str
    data : str
        The data set that it is for.
    settings : mapping
        Fields of ``Settings`` that differ from their defaults.
    accuracy, deviation : float, optional
        Single-neuron vote in % on the test images: mean and standard deviation over seeds.
    soft : float, optional
        Soft vote in %, the mean over the same seeds.
    seeds : int
        How many; 0 where it has not been measured on all images.
    published : float, optional
        Accuracy in %.
    """

    name: str
    summary: str
    source: str
    data: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    accuracy: float | None = None
    deviation: float | None = None
    soft: float | None = None
    seeds: int = 0
    published: float | None = None

    @property
    def command(self) -> str:
        """The command that learns it."""
        return f"spikehebb learn --preset {self.name} --out runs/{self.name}"

    @property
    def figure(self) -> str:
        """Its accuracy in words."""
        if self.accuracy is None:
            return "not yet measured"
        deviation = "" if self.deviation is None else f" ± {self.deviation:.2f}"
        soft = "" if self.soft is None else f", soft vote {self.soft:.2f} %"
        return f"{self.accuracy:.2f}{deviation} %{soft} ({self.seeds} seed{'s' * (self.seeds > 1)})"

    def made(self, **changes: Any) -> Settings:
        """Return its settings; ``parameters`` among the changes are added to its own.

        Examples
        --------
        >>> from spikehebb.jobs import find_preset
        >>> find_preset("diehl-cook-100").made(seed=1).presentation_ms
        350.0
        """
        given = {**self.settings, **changes}
        given["parameters"] = {**self.settings.get("parameters", {}), **changes.get("parameters", {})}
        return Settings(**given)


@cache
def learn_presets() -> Mapping[str, LearnPreset]:
    """Return all presets by name."""
    table = tomllib.loads(resources.files("spikehebb.jobs").joinpath("presets.toml").read_text("utf-8"))
    about = set(LearnPreset.__dataclass_fields__) - {"name", "settings"}
    found = {}
    for name, entries in table.items():
        settings = {key: value for key, value in entries.items() if key not in about}
        found[name] = LearnPreset(
            name=name, settings=Frozen(settings), **{key: value for key, value in entries.items() if key in about}
        )
    return Frozen(found)


def find_preset(name: str) -> LearnPreset:
    """Return a preset by name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in learn_presets():
        raise ValueError(f"there is no preset {name!r}.{did_you_mean(name, learn_presets())}")
    return learn_presets()[name]
