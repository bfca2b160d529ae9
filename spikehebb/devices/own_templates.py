"""Brian2's C++ device with templates of our own, for what they fit; all else takes Brian2's.

A projection that connects all with all needs neither lists of synapses nor a queue of them: the synapse from neuron
``i`` to ``j`` is number ``i*columns + j``. Loops over its rows and columns, sums, and the conditions of all neurons of
a population can then be vectorised. What is computed stays what Brian2's own code generator makes of the texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import get_device

from spikehebb.equations import drawn_below_exp, statements, used

SYNAPSE, PRE, POST = "_idx", "_presynaptic_idx", "_postsynaptic_idx"  # as Brian2 calls the numbers of what is read

TEMPLATES = Path(__file__).parent / "templates"
SUPPORT = "spikehebb.h"  # what programs have in front of their code


class OwnCodeObject(CPPStandaloneCodeObject):  # type: ignore[misc]
    """Code from templates of our own, and where there is none of that name from Brian2's."""

    templater = CPPStandaloneCodeObject.templater.derive("spikehebb.devices")


class OwnDevice(CPPStandaloneDevice):  # type: ignore[misc]
    """Brian2's C++ device with templates of our own."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[str, int] = {}  # of projections that connect all with all

    def code_object_class(self, codeobj_class: Any = None, fallback_pref: Any = None) -> Any:
        """Return the class of what this device runs."""
        return OwnCodeObject if codeobj_class in (None, CPPStandaloneCodeObject) else codeobj_class

    def code_object(
        self,
        owner: Any,
        name: str,
        abstract_code: Any,
        variables: Mapping[str, Any],
        template_name: str,
        variable_indices: Mapping[str, str],
        codeobj_class: Any = None,
        template_kwds: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Return the code of an object, from the template that fits it."""
        about = dict(template_kwds or {})
        code = "\n".join(abstract_code.values()) if isinstance(abstract_code, Mapping) else abstract_code or ""
        chosen, more = self._chosen(template_name, owner, code, variables, variable_indices, about)
        return super().code_object(
            owner,
            name,
            abstract_code,
            variables,
            chosen,
            variable_indices,
            codeobj_class=codeobj_class,
            template_kwds=about | {"_own": more},
            **options,
        )

    def _chosen(
        self,
        template: str,
        owner: Any,
        code: str,
        variables: Mapping[str, Any],
        indices: Mapping[str, str],
        about: Mapping[str, Any],
    ) -> tuple[str, dict[str, Any]]:
        """Return the name of the template, and what it needs to know besides."""
        match template:
            case "synapses_create_generator" if owner.name in self.copies:
                return "dense_create", self._shape(owner)
            case "synapses_push_spikes" if owner.synapses.name in self.copies:
                return "dense_push_spikes", {}
            case "synapses" if owner.name in self.copies:
                return "dense_synapses", self._arriving(owner, about["pathway"], code, variables, indices)
            case "summed_variable" if owner.name in self.copies and _plain(about, owner):
                return "dense_sum", self._shape(owner) | {"at_post": about["_index_var"].name == "_synaptic_post"}
            case "summed_variable" if not any(not v.stateless for v in functions(code, variables)):
                return "listed_sum", {}
            case "threshold" if "%" not in code and "//" not in code:
                drawn = [v for v in functions(code, variables) if not v.stateless]
                if all(v is variables.get("rand") for v in drawn):
                    about_it = {"drawn": bool(drawn), "below_exp": bool(drawn) and drawn_below_exp(code)}
                    return "threshold_of_all", {"size": len(owner)} | about_it
        return template, {}

    def _shape(self, synapses: Any) -> dict[str, Any]:
        copies = self.copies[synapses.name]
        lists = {f"{side}_list": synapses.variables[f"_synaptic_{side}"] for side in ("pre", "post")}
        sizes = {"rows": len(synapses.source) // copies, "columns": len(synapses.target) // copies}
        return lists | sizes | {"copies": copies, "constant": ()}

    def _arriving(
        self, synapses: Any, pathway: Any, code: str, variables: Mapping[str, Any], indices: Mapping[str, str]
    ) -> dict[str, Any]:
        source, at_post = pathway.source, pathway.prepost == "post"
        free = independent(code, variables, indices, PRE if at_post else POST)
        arrays = {"spikes": source.variables[pathway.eventspace_name], "clock_dt": source.clock.variables["dt"]}
        arrays |= {"delay": pathway.variables["delay"]}
        return (
            self._shape(synapses)
            | {name: self.get_array_name(variable, access_data=False) for name, variable in arrays.items()}
            | {
                "sources": len(source),
                "at_post": at_post,
                "independent": free,
                "constant": constant(code, variables, indices, POST if at_post else PRE) if free else (),
            }
        )


def all_to_all(synapses: Any, copies: int) -> None:
    """Say that synapses connect all with all, in so many copies side by side, with one delay for each pathway."""
    device = get_device()
    if isinstance(device, OwnDevice):
        device.copies[synapses.name] = copies


def takes_all_to_all() -> bool:
    """Return whether the device of now has templates for that."""
    return isinstance(get_device(), OwnDevice)


def _plain(about: Mapping[str, Any], synapses: Any) -> bool:
    """Return whether a sum is over the synapses of one side, into numbers of double precision."""
    return about["_index_var"].owner is synapses and about["_target_var"].dtype == np.float64


def functions(code: str, variables: Mapping[str, Any]) -> list[Any]:
    """Return the functions that a text calls."""
    return [variables[name] for name in used(code) if isinstance(variables.get(name), Function)]


def independent(code: str, variables: Mapping[str, Any], indices: Mapping[str, str], neuron: str) -> bool:
    """Return whether synapses in one row or column can take the text in any order, and several of them at once.

    They can where each changes nothing but itself and the neuron at its other end, no other reads that, and no
    random numbers are drawn in turn.
    """
    known = [variables[name] for name in used(code) if name in variables]
    if any(isinstance(v, Subexpression) or (isinstance(v, Function) and not v.stateless) for v in known):
        return False
    arrays, written = _arrays(code, variables)
    if any(indices[name] not in (SYNAPSE, neuron) for name in written):
        return False
    return not any(
        arrays[name] == arrays[other] and indices[name] != indices[other] for name in written for other in arrays
    )


def constant(code: str, variables: Mapping[str, Any], indices: Mapping[str, str], neuron: str) -> list[Any]:
    """Return the arrays of which a text only reads the number of that neuron: the same for a whole row or column."""
    arrays, written = _arrays(code, variables)
    changed = {arrays[name] for name in written}
    found = {arrays[name]: name for name in arrays if indices[name] == neuron and arrays[name] not in changed}
    return [variables[found[array]] for array in sorted(found)]


def _arrays(code: str, variables: Mapping[str, Any]) -> tuple[dict[str, str], set[str]]:
    """Return the array behind each variable that a text names, and the variables that it writes."""
    device = get_device()
    arrays = {
        name: device.get_array_name(variables[name], access_data=False)
        for name in used(code)
        if isinstance(variables.get(name), ArrayVariable)
    }
    return arrays, {statement.variable for statement in statements(code)} & arrays.keys()
