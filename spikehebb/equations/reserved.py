"""Names that no variable, parameter or intermediate result can have, because some device could not run them."""

from __future__ import annotations

import keyword
from functools import lru_cache
from importlib import resources

from brian2.equations.equations import Equations

_BRIAN2 = {
    *("t", "dt", "i", "j", "N", "xi", "pi", "e", "inf", "delay", "lastspike", "not_refractory", "t_in_timesteps"),
    *("stimulus", "spike_time"),
}
_CPP = set(  # C++17, its alternative tokens, and what C++20 adds
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class
    co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default
    delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long
    mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
    xor_eq
    """.split()  # noqa: SIM905
)
# Macros of the C headers that Brian2's programs include: what g++ -dM -E says of them with glibc 2.36.
_MACROS = set(resources.files(__package__).joinpath("macros.txt").read_text("ascii").split())
# What Brian2 and brian2cuda call things in the code around a text: there another of that name clashes, or hides theirs
# in silence. Found by compiling a program with every name of their templates.
_PROGRAMS = set(
    """
    N_incoming N_outgoing THREADS_PER_BLOCK acos asin atan atomicAdd bid bid_offset blockDim blockIdx bundle_id
    bundle_idx bundle_size eventspace gridDim idx int16_t int32_t int64_t int8_t int_ len neuron_id
    no_or_const_delay_mode num_blocks num_delays num_parallel_blocks num_spiking_neurons num_synapses post_block_idx
    pow pre_post_block_id propagating_synapses queue_size size_t source spike_index spikes_start spikes_stop
    spiking_neuron spiking_neuron_idx syn_in_bundle_idx synapse_bundle synapse_ids synapses_offset synapses_queue
    threadIdx threads_per_bundle tid uint16_t uint32_t uint64_t uint8_t variables warpSize
    """.split()  # noqa: SIM905
)


@lru_cache(maxsize=4096)
def why_reserved(name: str) -> str:
    """Return why nothing can have this name; empty where it can."""
    if name in _BRIAN2:
        return "Brian2 uses that name itself"
    if name.endswith(("_pre", "_post")):
        return "names that end in _pre or _post stand for variables of the neurons"
    if keyword.iskeyword(name):
        return "it is a word of the Python language"
    if name in _CPP:
        return "it is a word of C++"
    if name in _MACROS:
        return "the headers of C define it"
    if name in _PROGRAMS:
        return "Brian2's programs use that name themselves"
    if name.startswith(("replica_", "spikehebb_")):
        return "names that begin so are the toolkit's"
    try:
        Equations.check_identifier(name)
    except SyntaxError as error:
        return f"Brian2 says: {str(error).strip().rstrip('.')}"
    return ""
