"""Rules and neurons as typeset equations, grouped by when they act."""

from __future__ import annotations

from collections.abc import Mapping

from spikehebb import equations as text
from spikehebb.core.models import NeuronModel, PlasticityRule

_RULE = {
    "at all times": ("pre", "post", "synapse"),
    "at a presynaptic spike": ("on_pre", "pre_spike"),
    "at a postsynaptic spike": ("on_post", "post_spike"),
    "at every time step": ("update",),
    "after every learning epoch": ("pre_epoch", "post_epoch"),
    "at the onset of a presentation": ("onset",),
}
_NEURON = {
    "at all times": ("equations",),
    "spikes when": ("threshold",),
    "at its spike": ("reset",),
    "at an arriving spike": ("receive",),
    "at the onset of a presentation": ("onset",),
    "when a row of the stimulus begins": ("frame",),
    "at every time step": ("update",),
}


def typeset(value: PlasticityRule | NeuronModel) -> dict[str, tuple[str, ...]]:
    r"""Return the LaTeX of a rule's or a neuron's equations, made from the text that runs.

    A variable of one side is written without saying whose it is where no other has its name: ``x1_pre`` is
    :math:`x_1`.

    Parameters
    ----------
    value : PlasticityRule or NeuronModel

    Returns
    -------
    dict of str to tuple of str
        By when they act, in the order in which they do.

    Examples
    --------
    >>> from spikehebb.rules import oja
    >>> typeset(oja)
    {'at all times': ('\\frac{\\mathrm{d} w}{\\mathrm{d} t} = \\eta\\,y\\,\\left(x - y\\,w\\right)',)}
    """
    if isinstance(value, NeuronModel):
        return _lines(value, _NEURON, {name: {} for group in _NEURON.values() for name in group})
    sides = {
        side: {*text.variables(getattr(value, side)), *text.variables(getattr(value, f"needs_{side}"))}
        for side in ("pre", "post")
    }
    others = {*value.parameters, *text.variables(value.synapse)}
    names: dict[str, str] = {}  # in texts of the synapse, and in those of each side
    own: dict[str, dict[str, str]] = {"pre": {}, "post": {}}
    for side, other in (("pre", "post"), ("post", "pre")):
        for name in sides[side]:
            shared = name in others or name in sides[other]
            names[f"{name}_{side}"] = own[side][name] = text.symbol(f"{name}_{side}" if shared else name)
    texts = {"pre": own["pre"], "pre_spike": own["pre"], "pre_epoch": own["pre"]}
    texts |= {"post": own["post"], "post_spike": own["post"], "post_epoch": own["post"]}
    lines = _lines(value, _RULE, {name: texts.get(name, names) for group in _RULE.values() for name in group})
    if value.epoch and "at every time step" in lines:
        epoch = "at the end of every learning epoch"
        lines = {(epoch if when == "at every time step" else when): each for when, each in lines.items()}
    return lines


def _lines(
    value: object, groups: Mapping[str, tuple[str, ...]], names: Mapping[str, Mapping[str, str]]
) -> dict[str, tuple[str, ...]]:
    found = {}
    for when, group in groups.items():
        lines: list[str] = []
        for name in group:
            said = getattr(value, name)
            for each in said if isinstance(said, tuple) else (said,):
                lines += text.latex(each, names[name])
        if lines:
            found[when] = tuple(lines)
    return found
