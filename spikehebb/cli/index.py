"""What commands list without importing Brian2, which takes seconds: an index of the catalogue in ``index.json``.

The index says from which files it was made. Where one of them has changed since, the catalogue itself is asked, which
takes seconds; ``make index`` makes it anew, and a test fails until somebody has done so.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from spikehebb.reading import did_you_mean

_PACKAGE = Path(__file__).parents[1]
_FILE = Path(__file__).with_name("index.json")
_SOURCES = (
    "rules/*.py",
    "rules/*.toml",
    "core/models.py",
    "hardware/chips.py",
    "hardware/sum_of_products.py",
    "datasets/published_changes.toml",
    "datasets/*.py",
    "circuits/learners.py",
    "devices/device.py",
    "jobs/*.toml",
    "softhebb/*.toml",
    "cli/index.py",
)
_SEPARATORS = [mark for mark in (os.sep, os.altsep) if mark]
_MISSING = {  # what there is none of, in the words of the functions that look for it
    "rule": "there is no rule {}.{}",
    "target": "there is no target {}.{}",
    "device": "there is no device {}.{}",
    "preset": "there is no preset {}.{}",
    "circuit": "there is no circuit {} that learns images.{}",
    "softhebb preset": "there is no preset {}.{}",
}


def key() -> str:
    """Return a digest of the files that the index is made from."""
    state = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(_PACKAGE.glob(pattern)):
            state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()


@cache
def catalogue() -> Mapping[str, Any]:
    """Return what commands list: from the index, or from the catalogue where that has changed."""
    try:
        known: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
        if known["key"] == key():
            return known
    except (OSError, ValueError, KeyError):
        pass
    return content()


def content() -> dict[str, Any]:
    """Return the index, made from the catalogue itself."""
    from dataclasses import asdict

    from spikehebb import circuits, datasets, devices, hardware, jobs, rules, softhebb
    from spikehebb.datasets.layouts import LAYOUTS
    from spikehebb.datasets.measurements import PUBLISHED

    return {
        "key": key(),
        "families": {title: [rule_as_json(rule) for rule in family] for title, family in rules.FAMILIES.items()},
        "on a chip": {
            name: "no sum of products:\n" + "\n".join(reasons)
            if (reasons := hardware.problems(rule))
            else str(hardware.sum_of_products(rule))
            for name, rule in rules.RULES.items()
        },
        "works": {
            name: [{"key": work.key, "bibtex": work.bibtex()} for work in rule.cites]
            for name, rule in rules.RULES.items()
        },
        "data": [data_as_json(each) for each in PUBLISHED.values()],
        "rule": list(rules.RULES),
        "target": {name: target.summary for name, target in hardware.TARGETS.items()},
        "limits": {name: _limits(target) for name, target in hardware.TARGETS.items()},
        "device": ["auto", *devices.DEVICES],
        "circuit": list(circuits.LEARNERS),
        "preset": {
            name: {
                **vars(preset),
                "settings": dict(preset.settings),
                "command": preset.command,
                "figure": preset.figure,
            }
            for name, preset in jobs.learn_presets().items()
        },
        "softhebb preset": {name: asdict(preset) for name, preset in softhebb.presets().items()},
        "data set": [*datasets.DATASETS, "folder"],
        "layouts": LAYOUTS,
    }


def data_as_json(data: Any) -> dict[str, Any]:
    """Return published measurements as plain data."""
    from brian2 import Hz, ms

    patterns = {"pre_ms": list(map(list, data.pre)), "post_ms": list(map(list, data.post))}
    return {
        "name": data.name,
        "summary": data.summary,
        "variable": data.variable,
        **(patterns if data.pre else {data.variable: data.x.tolist()}),
        "change": data.change.tolist(),
        "error": None if data.error is None else data.error.tolist(),
        "at_lag_ms": None if data.lag is None else float(data.lag / ms),
        "at_frequency_hz": None if data.frequency is None else float(data.frequency / Hz),
        "repeats": data.repeats,
        "reference": str(data.reference),
        "source": data.source,
    }


def rule_as_json(rule: Any) -> dict[str, Any]:
    """Return a rule as text: what is empty stays, so that every entry has the same keys."""
    from spikehebb.equations import quantity_text

    content: dict[str, Any] = {name: inspect.cleandoc(value) for name, value in rule.texts().items()}
    return {
        **content,
        "onset": list(rule.onset),
        "keeps": list(rule.keeps),
        "parameters": {name: quantity_text(value) for name, value in rule.parameters.items()},
        "roles": dict(rule.meaning),
        "cites": [str(work) for work in rule.cites],
    }


def check(what: str, word: str | None) -> str | None:
    """Return a word as it is; raise ``ValueError``, before Brian2 is imported, if it is the name of nothing.

    Parameters
    ----------
    what : str
        ``rule``, ``target``, ``device``, ``preset``, ``circuit``, ``softhebb preset`` or ``data set``.
    word : str, optional
        ``FILE.py:NAME``, paths, and rules that act together are looked at later.
    """
    if not word or ".py" in word or "+" in word:
        return word
    names = catalogue()[what]
    if what == "data set":
        if word not in names and not (os.path.exists(word) or any(mark in word for mark in _SEPARATORS)):
            raise ValueError(
                f"there is no data set {word!r}.{did_you_mean(word, names)} Nor is there a file or folder of this "
                f"name; its path may be given that holds {catalogue()['layouts']}."
            )
    elif word not in names and not (what == "softhebb preset" and _official(word)):
        raise ValueError(_MISSING[what].format(repr(word), did_you_mean(word, names)))
    return word


def _official(word: str) -> bool:
    return any(preset["official"] == word for preset in catalogue()["softhebb preset"].values())


def _limits(target: Any) -> list[list[Any]]:
    from spikehebb.hardware import VOCABULARY

    return [
        [
            name,
            list(limit.value) if isinstance(limit.value, tuple) else limit.value,
            limit.verified,
            VOCABULARY[name][1],
            limit.source,
        ]
        for name, limit in target.limits.items()
    ]


def write() -> None:
    """Make the index anew."""
    _FILE.write_text(json.dumps(content(), indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
