"""C++: a network as a compiled program on one core."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2.core.functions import Function
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import get_device

from spikehebb.devices.alphabet import utf8
from spikehebb.devices.epoch_clock import epoch_clocks
from spikehebb.devices.host import compiler_path, flags
from spikehebb.devices.isolated import isolated
from spikehebb.devices.own_templates import SUPPORT, TEMPLATES, OwnDevice
from spikehebb.devices.translation_units import UNITS, write_units

Files = dict[str, tuple[str, str]]


NATIVE = "-march=native"  # the one flag of which Brian2 is to ask whether the compiler has it
FLAGS = "-w -ffast-math -fno-finite-math-only -std=c++11"
# Of what happens in every step: optimizing harder takes longer and gains nothing; without -fno-ipa-cp g++ 12 crashes at
# times. Of what happens once: nothing.
STEPS, ONCE = "-O2 -ftree-vectorize -fno-ipa-cp", "-O0"
INCLUDED = "algorithm cassert chrono climits cmath csignal cstring ctime fstream iostream map random set string vector"


@contextmanager
def cpp_project() -> Iterator[Any]:
    """Collect what is inside in a C++ project of its own, apart from any project of the user's script."""
    project = OwnDevice()
    with isolated(project, {"codegen.cpp.extra_compile_args": [NATIVE]}, build_on_run=False):
        yield project


# The compiled main() takes the duration and the seed as its first arguments, so that neither needs a new program.
ARGUMENTS = """
const double spikehebb_duration = std::stod(args.at(0));
const unsigned long spikehebb_seed = std::stoul(args.at(1));
args.erase(args.begin(), args.begin() + 2);
"""
# It prints how far it is, and when it ended.
RUN = """
network.run(spikehebb_duration, [](const double, const double completed, const double, const double)
    { std::cout << "progress " << completed << std::endl; }, 0.2);
std::cout.precision(17);
std::cout << "end " << network.t << std::endl;
"""
_SEED = "_random_generators[0].seed(spikehebb_seed);"

# Spikes that pass through resting weights, all to all: a row of weights for each spike, in the order in which Brian2's
# queue hands them over, so that every sum has the same bits.
_ARRIVE = """
static inline double {name}(const int32_t)
{{
    const int32_t* const spikes = brian::{spikes};
    for (size_t begin = 0; begin < {columns}; begin += 64)  // a few neurons at a time, which then stay in reach
    {{
        const size_t end = begin + 64 < {columns} ? begin + 64 : {columns};
        for (int32_t k = 0; k < spikes[{pre}]; k++)
        {{
            const size_t neuron = spikes[k];
            const double* const row = brian::{weights} + neuron % {rows} * {columns};
            double* const target = brian::{target} + neuron / {size} * {columns};
            #pragma GCC ivdep
            for (size_t j = begin; j < end; j++)
                target[j] += row[j];
        }}
    }}
    return 0;
}}
"""


def arrival(
    name: str, pre: Any, weights: Any, post: Any, variable: str, *, clock: Any, order: int, copies: int = 1
) -> dict[str, Any]:
    """Return the objects that add, in every step, the weights of the spikes that arrive, without a list of synapses.

    Parameters
    ----------
    name : str
        Of the projection.
    pre, post : NeuronGroup
    weights : NeuronGroup
        Holds ``w``, the weights row by row: of one replica, which all replicas then share, or of each.
    variable : str
        Of the postsynaptic neurons, to add to.
    clock : Clock
    order : int
        Among what synapses do in a step.
    copies : int
        How many replicas of the projection there are.
    """
    device, function = get_device(), f"{name}_arriving"
    columns = len(post) // copies
    code = _ARRIVE.format(
        name=function,
        spikes=device.get_array_name(pre.variables["_spikespace"]),
        weights=device.get_array_name(weights.variables["w"]),
        target=device.get_array_name(post.variables[variable]),
        pre=len(pre),
        size=len(pre) // copies,
        rows=len(weights) // columns,
        columns=columns,
    )
    arriving = Function(lambda i: 0.0, arg_units=[1], return_unit=1, stateless=False)
    arriving.implementations.add_implementation("cpp", code, name=function)
    group = brian2.NeuronGroup(1, "done : 1", clock=clock, namespace={function: arriving}, name=f"{name}_arrival")
    group.run_regularly(
        f"done = {function}(i)", clock=clock, when="synapses", order=order, name=f"{name}_arrival_update"
    )
    return {group.name: group}


# Brian2's own arguments call the delays of all pathways of a projection by one name.
_DELAYS = """
for (auto arg = args.begin(); arg != args.end(); )
{{
    if (arg->rfind("{name}.delay=", 0) != 0)
    {{
        ++arg;
        continue;
    }}
    std::ifstream file(arg->substr({length}), std::ios::in | std::ios::binary);
    double delay;
    for (size_t k = 0; k < brian::{array}.size(); k++)
    {{
        if (!file.read(reinterpret_cast<char*>(&delay), sizeof(delay)))
            std::cerr << "Error reading the delays of {name}" << std::endl;
        brian::{array}[k] = delay;
    }}
    arg = args.erase(arg);
}}
"""


def take_delays(pathway: Any) -> None:
    """Let a compiled program, C++ or CUDA, take the delay of each synapse as its argument ``name.delay=file``.

    Parameters
    ----------
    pathway : SynapticPathway
        With its synapses made.
    """
    device = get_device()
    if isinstance(device, CPPStandaloneDevice):  # which that of CUDA is, too
        array, name = device.get_array_name(pathway.variables["delay"], access_data=False), pathway.name
        device.insert_code("main", _DELAYS.format(name=name, array=array, length=len(f"{name}.delay=")))


@utf8()
def write_cpp(project: Any, network: brian2.Network, folder: Path, results: Iterable[str]) -> Files:
    """Write the C++ source of a network named ``network`` into a folder, with a makefile ``all.mk``.

    Parameters
    ----------
    results : iterable of str
        The variables (``population.variable``) that a run leaves behind.

    Returns
    -------
    dict
        For every variable the file that a run leaves it in, if it does, and its dtype.
    """
    project.insert_code("before_start", ARGUMENTS)
    project.insert_code("main", _SEED)
    network.run(0 * brian2.second, namespace={})
    project.insert_code("main", epoch_clocks(network) + RUN)
    project.insert_code("before_end", _keep(project, set(results)))
    project.build(directory=str(folder), compile=False, run=False, with_output=False)
    shutil.copy(TEMPLATES / SUPPORT, folder)
    write_units(folder, ".cpp", libraries=("brianlib/spikequeue.cpp",), support=SUPPORT)
    (folder / "headers.hpp").write_text("".join(f"#include <{name}>\n" for name in INCLUDED.split()))
    (folder / "all.mk").write_text(_makefile((folder / "makefile").read_text()))
    return files_of(project)


def _keep(project: Any, results: set[str]) -> str:
    """Return what a program does at its end: it writes what is asked for, and leaves the rest to the system."""
    lines = []
    for variable, (file, _) in _files(project).items():
        array = f"brian::{project.get_array_name(variable, access_data=False)}"
        if f"{variable.owner.name}.{variable.name}" not in results:
            continue
        if variable in project.dynamic_arrays_2d:
            add = f"for (size_t k = 0; k < {array}.n; k++) file.add(&{array}(k, 0), {array}.m*sizeof({array}(0, 0)));"
        elif variable in project.dynamic_arrays:
            add = f"file.add({array}.data(), {array}.size()*sizeof({array}[0]));"
        else:
            add = f"file.add({array}, {variable.size}*sizeof({array}[0]));"
        lines.append(f'{{ spikehebb::File file(brian::results_dir + "{file}"); {add} }}')
    return "\n".join([*lines, "std::cout.flush();", "std::_Exit(0);"])


def _makefile(written: str) -> str:
    """Return a makefile with the flags of the one that Brian2 has written."""
    definitions = {name: re.search(rf"^{name}\s*=(.*)$", written, re.MULTILINE) for name in ("OPTIMISATIONS", "LFLAGS")}
    compile_flags, link_flags = (line[1].strip() if line else "" for line in definitions.values())
    objects, compiler = " ".join(f"{unit}.o" for unit in UNITS), f'"{compiler_path()}"'
    return f"""
main: {objects}
\t{compiler} {objects} -o main {link_flags}
COMPILE = {compiler} -I. {compile_flags} {FLAGS}
unit_code.o: FIRST = {STEPS}
unit_main.o: LAST = {ONCE}
%.o: %.cpp
\t$(COMPILE) $(FIRST) {flags()} $(LAST) -include headers.hpp -c $< -o $@
headers:
\t$(COMPILE) {STEPS} {flags()} -x c++-header headers.hpp -o $(TO)/steps
\t$(COMPILE) {flags()} {ONCE} -x c++-header headers.hpp -o $(TO)/once
"""


def files_of(project: Any) -> Files:
    """Return for every variable of a project (``population.variable``) the file of its result, and its dtype."""
    return {f"{variable.owner.name}.{variable.name}": found for variable, found in _files(project).items()}


def _files(project: Any) -> dict[Any, tuple[str, str]]:
    return {
        variable: (project.get_array_filename(variable), np.dtype(variable.dtype).str)
        for variable in project.arrays
        if hasattr(variable.owner, "name")
    }
