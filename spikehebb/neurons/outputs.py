"""Rate units with a target, and the hidden units below them: what Hebbian and gradient descent teach.

An output unit has its activity ``h``, a function of its input ``z``; ``gradient``, the slope in ``z`` of the squared
error (half the sum of (h - target)**2); and ``loss``, the one that Hebbian descent descends: its slope in ``z`` is
h - target, so it is the integral of ``h`` minus target*z. A hidden unit has an ``error``, which the layer above hands
down.
"""

from __future__ import annotations

from spikehebb.core import NeuronModel

_MATCHING = "Melchior, Schiewer and Wiskott, Neural Computation 36:1669-1712, 2024; the loss is computed from the rule"


def _output(name: str, summary: str, *, h: str, slope: str, loss: str) -> NeuronModel:
    return NeuronModel(
        name=name,
        summary=f"Rate unit {summary}, with a target, as presented",
        equations=f"""
            z : 1
            target : 1
            h = {h} : 1
            gradient = (h - target)*({slope}) : 1
            loss = {loss} : 1
        """,
        onset="target = stimulus(t, i)",
        reference=_MATCHING,
    )


identity_unit = _output("identity_unit", "h = z", h="z", slope="1", loss="0.5*(z - target)**2")
step_unit = _output(
    "step_unit", "h = 1 where z > 0, else 0", h="int(z > 0)", slope="0", loss="clip(z, 0, inf) - target*z"
)
rectifier_unit = _output(
    "rectifier_unit",
    "h = z where z > 0, else 0",
    h="clip(z, 0, inf)",
    slope="int(z > 0)",
    loss="0.5*clip(z, 0, inf)**2 - target*z",
)
tanh_unit = _output(
    "tanh_unit",
    "h = tanh(z)",
    h="tanh(z)",
    slope="1 - h**2",
    loss="abs(z) + log(1 + exp(-2*abs(z))) - log(2) - target*z",
)
sigmoid_unit = _output(
    "sigmoid_unit",
    "h = 1/(1 + exp(-z))",
    h="1/(1 + exp(-z))",
    slope="h*(1 - h)",
    loss="clip(z, 0, inf) + log(1 + exp(-abs(z))) - target*z",
)
exponential_unit = _output("exponential_unit", "h = exp(z)", h="exp(z)", slope="h", loss="exp(z) - target*z")

softmax_unit = NeuronModel(
    name="softmax_unit",
    summary="Rate unit h = exp(z - I), a softmax where I is the logarithm of the sum, with a target, as presented",
    # agreement, the sum of h*(h - target), is what gradient descent on the squared error needs of the other units.
    equations="""
        z : 1
        I : 1
        rank : 1
        agreement : 1
        target : 1
        h = exp(z - I) : 1
        gradient = h*(h - target - agreement) : 1
        loss = target*(I - z) : 1
    """,
    onset="target = stimulus(t, i)",
    reference=_MATCHING,
)


def _hidden(name: str, summary: str, *, h: str, slope: str) -> NeuronModel:
    return NeuronModel(
        name=name,
        summary=f"Hidden rate unit {summary}; where bias is 1 it is always 1, the bias of the layer above",
        equations=f"""
            z : 1
            mu : 1
            error : 1
            h = {h} : 1
            x = h + bias*(1 - h) : 1
            gradient = error*({slope})*(1 - bias) : 1
        """,
        parameters={"bias": 0.0},
        roles={"bias": "factor"},
        reference=_MATCHING,
    )


rectifier_hidden = _hidden("rectifier_hidden", "x = z where z > 0, else 0", h="clip(z, 0, inf)", slope="int(z > 0)")
tanh_hidden = _hidden("tanh_hidden", "x = tanh(z)", h="tanh(z)", slope="1 - h**2")
sigmoid_hidden = _hidden("sigmoid_hidden", "x = 1/(1 + exp(-z))", h="1/(1 + exp(-z))", slope="h*(1 - h)")
