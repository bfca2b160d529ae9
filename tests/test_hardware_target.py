"""Limits and targets: numbers with sources, and which numbers no chip can have."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from spikehebb.hardware import TARGETS, VOCABULARY, Limit, Target, find
from spikehebb.neurons import NEURONS


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_every_number_of_a_target_has_a_source(target: Target) -> None:
    for name, limit in target.limits.items():
        assert name in VOCABULARY
        assert len(limit.source) > 5
    assert set(target.value("neuron_models", unverified=True) or ()) <= set(NEURONS)


def test_a_core_of_the_first_loihi_is_that_of_its_paper() -> None:
    """Davies et al. 2018: 1,024 neurons, 4,096 axons in and out, and 128 KiB for synapses in each of 128 cores."""
    loihi = TARGETS["loihi1"]
    assert [loihi.value(name) for name in ("cores", "neurons_per_core", "input_axons", "output_axons")] == [
        *(128, 1024, 4096, 4096)
    ]
    assert loihi.value("synapse_bits_per_core") == 128 * 1024 * 8


def test_unverified_numbers_are_not_returned_unless_asked_for() -> None:
    dynapse = TARGETS["dynapse2"]
    assert not dynapse.limits["input_axons"].verified
    assert dynapse.value("input_axons") is None
    assert dynapse.value("input_axons", unverified=True) == 2048
    assert dynapse.with_limits(input_axons=2048).value("input_axons") == 2048


def test_a_limit_is_set_and_taken_away() -> None:
    four = TARGETS["generic"].with_limits(weight_bits=np.int64(4), weight_signs="unsigned")
    assert four.value("weight_bits") == 4
    assert type(four.value("weight_bits")) is int
    assert four.limits["weight_bits"].source == "set by the user"
    assert four.with_limits(weight_bits=None).value("weight_bits") is None
    own = four.with_limits(fan_in=Limit(value=3, source="my chip", verified=False))
    assert own.value("fan_in") is None
    assert pickle.loads(pickle.dumps(own)).limits["fan_in"] == own.limits["fan_in"]  # noqa: S301


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weight_bits", 0, "weight_bits must be a whole number from 1 to 64, got 0"),
        ("weight_bits", -3, "from 1 to 64, got -3"),
        ("weight_bits", 65, "from 1 to 64, got 65"),
        ("weight_bits", math.nan, "from 1 to 64, got nan"),
        ("weight_bits", 4.5, "got 4.5"),
        ("weight_bits", True, "got True"),
        ("weight_bits", "8", "got '8'"),
        ("fan_in", 0, "fan_in must be a whole number of at least 1, got 0"),
        ("delay_steps", -1, "delay_steps must be a whole number of at least 0, got -1"),
        ("learns", 1, "learns must be True or False, got 1"),
        ("weight_signs", "both", "must be one of unsigned, per synapse, per row, per presynaptic neuron; got 'both'"),
        ("weight_bit_choices", 8, "must be a tuple of numbers, got 8"),
        ("weight_bit_choices", (0, 8), "from 1 to 64, got 0"),
        ("weight_bit_choices", (), "must be a tuple of numbers"),
        ("weight_exponents", (7, -8), "must be a smallest and a largest number"),
        ("weight_exponents", (1, 2, 3), "must be a smallest and a largest number"),
        ("neuron_models", "lif", "must be a tuple of names, got 'lif'"),
        ("neuron_models", ("lif", 3), "must be a tuple of names"),
        ("wieght_bits", 8, "there is no limit 'wieght_bits'. Did you mean 'weight_bits'?"),
    ],
)
def test_numbers_that_no_chip_has_are_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match="target generic: ") as error:
        TARGETS["generic"].with_limits(**{name: value})
    assert message in str(error.value)


def test_a_target_refuses_numbers_without_source() -> None:
    with pytest.raises(ValueError, match="target own: fan_in needs a source; say where 3 comes from"):
        Target(name="own", summary="", limits={"fan_in": Limit(value=3, source=" ")})
    with pytest.raises(ValueError, match="fan_in must be a Limit with a source, got 3"):
        Target(name="own", summary="", limits={"fan_in": 3})  # type: ignore[dict-item]


def test_bits_that_the_chip_does_not_offer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"weight_bits must be one of 1, 2, 3, 4, 5, 6, 8 \(weight_bit_choices\)"):
        TARGETS["loihi1"].with_limits(weight_bits=7)


def test_unknown_names_come_with_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"there is no target 'loihi'\. Did you mean 'loihi1'\?"):
        find("loihi")
    with pytest.raises(ValueError, match="there is no limit 'bits'"):
        TARGETS["loihi1"].value("bits")
