"""Chips, every number with its source. Numbers that nobody has checked are marked, and never enforced."""

from __future__ import annotations

from collections.abc import Mapping

from spikehebb.catalogue import collected
from spikehebb.core import Frozen
from spikehebb.core.values import check_name
from spikehebb.equations import did_you_mean
from spikehebb.hardware.target import Limit, Target

_LAVA = "lava-nc/lava: src/lava/magma/core/learning/constants.py and tutorial 09"
_APPLIER = "lava-nc/lava: src/lava/magma/core/learning/learning_rule_applier.py"
_NENGO = "nengo/nengo-loihi: nengo_loihi/builder/discretize.py and nengo_loihi/block.py"
_SANA = "SLAM-Lab/SANA-FE: an early sim.h, second-hand for Davies et al., IEEE Micro 38(1):82, 2018"
_DEMOS = "electronicvisions/brainscales2-demos: fp_brainscales.rst (merged neurons have more synapses than fan_in)"
_ROCKPOOL = "synsense/rockpool: devices/dynapse (lookup, default.py, allocator)"
_SPYNNAKER = "SpiNNakerManchester/sPyNNaker: plasticity sources"
_SYNAPSES = "SpiNNakerManchester/sPyNNaker: neural_modelling/src/neuron/synapse_row.h"
_GUIDE = "electronicvisions/hbp-sp9-guidebook: mc/using_spiNNaker.rst (limits of the software of that time)"

_LAVA_2 = "lava-nc/lava: src/lava/magma/core/learning/constants.py, which Lava has for Loihi 2, too"
_LAVA_DELAYS = "lava-nc/lava: src/lava/proc/dense/models.py, whose model of Loihi 2 takes delays from 0 to 63 steps"
_ONM = "open-neuromorphic.org: Loihi 2, second-hand for Intel's technology brief of 2021"
_SPINN2 = "SpiNNakerManchester/SpiNNMachine: SpiNN2datasheet.pdf, version 0.03, 2021"

_NEUROSIM = "a model, Chen, Peng and Yu, IEEE TCAD 37:3067, 2018; numbers of no device, to be set to those of yours"

_NONE: Mapping[str, tuple[object, str]] = Frozen()


def _limits(
    *groups: tuple[str, Mapping[str, object]], unverified: Mapping[str, tuple[object, str]] = _NONE
) -> dict[str, Limit]:
    verified = {name: Limit(value=value, source=source) for source, values in groups for name, value in values.items()}
    doubtful = {name: Limit(value=value, source=source, verified=False) for name, (value, source) in unverified.items()}
    return verified | doubtful


loihi1 = Target(
    name="loihi1",
    summary="Intel Loihi (first generation): digital, learning by sums of products",
    limits=_limits(
        (
            _LAVA,
            {
                "weight_bits": 8,
                "weight_signs": "per synapse",
                "sign_in_weight_bits": True,
                "weight_exponents": (-8, 7),
                "learns": True,
                "traces_pre": 2,
                "traces_post": 3,
                "trace_bits": 7,
                "impulse_fraction_bits": 8,
                "tag_bits": 9,
                "constant_bits": 8,
                "scale_bits": 4,
                "accumulator_bits": 16,
                "epoch_bits": 6,
                "stochastic_rounding": True,
            },
        ),
        (_APPLIER, {"sum_of_products": True}),
        (
            _NENGO,
            {
                "weight_bit_choices": (1, 2, 3, 4, 5, 6, 8),
                "neurons_per_core": 1024,
                "input_axons": 4096,
                "output_axons": 4096,
                "synapse_bits_per_core": 16384 * 64,
                "delay_steps": 62,
                "refractory_steps": 64,
                "threshold_bits": 17,
                "decay_bits": 12,
                "neuron_models": ("lif", "lif_unit"),
                "continuous_projections": False,
            },
        ),
        (_SANA, {"cores": 128}),
    ),
)

loihi2 = Target(
    name="loihi2",
    summary="Intel Loihi 2: digital, neurons are programs, spikes carry numbers, learning by sums of products",
    limits=_limits(
        (
            _LAVA_2,
            {
                "weight_bits": 8,
                "weight_signs": "per synapse",
                "sign_in_weight_bits": True,
                "weight_exponents": (-8, 7),
                "learns": True,
                "sum_of_products": True,
                "traces_pre": 2,
                "traces_post": 3,
                "trace_bits": 7,
                "impulse_fraction_bits": 8,
                "tag_bits": 9,
                "constant_bits": 8,
                "scale_bits": 4,
                "accumulator_bits": 16,
                "epoch_bits": 6,
                "stochastic_rounding": True,
            },
        ),
        (_LAVA_DELAYS, {"delay_steps": 63}),
        unverified={
            "cores": (128, _ONM),
            "neurons_per_core": (8192, f"{_ONM}: 1 million neurons on 128 cores; a core's own number is not published"),
            "continuous_projections": (True, f"{_ONM}: graded spikes, whole numbers of up to 32 bits"),
            "decay_bits": (12, "as on Loihi; of a program's own neurons the precision is the program's"),
        },
    ),
)

brainscales2 = Target(
    name="brainscales2",
    summary="BrainScaleS-2 (Heidelberg): analog AdEx neurons, plasticity programs on two embedded processors",
    limits=_limits(
        (
            _DEMOS,
            {
                "weight_bits": 6,
                "weight_signs": "per row",
                "sign_in_weight_bits": False,
                "fan_in": 256,
                "neurons_per_core": 512,
                "cores": 1,
                "neuron_models": ("lif", "lif_unit"),
                "continuous_projections": False,
                "learns": True,
                "sum_of_products": False,
                "trace_bits": 8,
            },
        ),
    ),
)

dynapse2 = Target(
    name="dynapse2",
    summary="DYNAP-SE2 (SynSense): analog neurons, 64 synapses each",
    limits=_limits(
        (
            _ROCKPOOL,
            {
                "weight_signs": "per synapse",
                "sign_in_weight_bits": False,
                "fan_in": 64,
                "destinations": 4,
                "neurons_per_core": 256,
                "cores": 4,
                "neuron_models": ("lif", "lif_unit"),
                "continuous_projections": False,
            },
        ),
        (f"{_ROCKPOOL}: a mask over four base currents, taken as 1, 2, 4 and 8 steps", {"weight_bits": 4}),
        unverified={
            "learns": (False, "its tool chain offers no learning on the chip; not confirmed"),
            "input_axons": (2048, "its 2048 tags, if each stands for one presynaptic neuron; not confirmed"),
        },
    ),
)

spinnaker = Target(
    name="spinnaker",
    summary="SpiNNaker (Manchester): neurons and rules are programs in fixed point",
    limits=_limits(
        (_SPYNNAKER, {"learns": True, "sum_of_products": False, "trace_bits": 16, "impulse_fraction_bits": 11}),
        (_SYNAPSES, {"weight_bits": 16, "weight_signs": "per synapse", "sign_in_weight_bits": True}),
        (_GUIDE, {"neurons_per_core": 255, "delay_steps": 144}),
        unverified={"continuous_projections": (False, "cores exchange spikes; from memory")},
    ),
)

spinnaker2 = Target(
    name="spinnaker2",
    summary="SpiNNaker2 (Dresden, Manchester): 152 ARM processors, neurons and rules are programs",
    limits=_limits(
        (_SPINN2, {"cores": 152}),
        (
            f"{_SPINN2}: 128 KB for code and data of a processor, an upper bound",
            {"synapse_bits_per_core": 128 * 1024 * 8},
        ),
        unverified={
            "learns": (True, "rules are programs; from memory"),
            "sum_of_products": (False, "rules are programs; from memory"),
            "continuous_projections": (False, "processors exchange spikes; their payloads are not published here"),
        },
    ),
)

memristive = Target(
    name="memristive",
    summary="Memristive devices: conductances that pulses change along a curve, with noise; no device in particular",
    limits=_limits(
        (
            _NEUROSIM,
            {
                "conductance_states": 64,
                "curve_up": 0.5,
                "curve_down": 0.5,
                "cycle_noise": 0.01,
                "learns": True,
                "sum_of_products": False,
            },
        ),
    ),
)

generic = Target(
    name="generic",
    summary="No chip in particular: nothing is limited but what you limit",
    limits={},
)

TARGETS = collected(Target, globals())


def find(name: str | Target) -> Target:
    """Return a target by name, or as it is.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> from spikehebb.hardware import find
    >>> find("dynapse2").value("fan_in")
    64
    """
    if isinstance(name, Target):
        return name
    name = check_name("target", name, "a name that 'spikehebb hardware list' lists, or a Target")
    if name not in TARGETS:
        raise ValueError(f"there is no target {name!r}.{did_you_mean(name, TARGETS)}")
    return TARGETS[name]
