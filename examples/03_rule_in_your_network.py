"""A rule in your own Brian2 script
================================

Triplet STDP in an ordinary Brian2 network: only the text of this package is used::

    python examples/03_rule_in_your_network.py [FOLDER]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
from brian2 import Hz, Network, NeuronGroup, PoissonGroup, SpikeMonitor, Synapses, prefs, second, seed

from spikehebb.rules import triplet_vc_minimal

prefs.codegen.target = "numpy"
seed(1)

# One call gives the equations that carry the traces, what spikes do to them, and the arguments of Synapses.
rule = triplet_vc_minimal.with_parameters(w_max=2.0).brian2(receive="v_post += w*mV")

inputs = PoissonGroup(60, rates=15 * Hz)
# A PoissonGroup has no variables of its own, so neurons that repeat its spikes carry the presynaptic traces.
pre = NeuronGroup(
    60,
    f"hit : 1\n{rule.pre_model}",
    threshold="hit > 0",
    reset=f"hit = 0\n{rule.pre_reset}",
    method="exact",
    namespace=rule.namespace,
)
relay = Synapses(inputs, pre, on_pre="hit_post = 1")
relay.connect(j="i")
post = NeuronGroup(
    1,
    f"dv/dt = -v/(20*ms) : volt\n{rule.post_model}",
    threshold="v > 15*mV",
    reset=f"v = 0*mV\n{rule.post_reset}",
    method="exact",
    namespace=rule.namespace,
)
synapses = Synapses(pre, post, **rule.synapses)
synapses.connect()
synapses.w = 0.8
synapses.post.order = -2  # at coincident spikes as in this package: each side reads earlier traces of the other

spikes = SpikeMonitor(post)
network = Network(inputs, pre, relay, post, synapses, spikes)
network.run(5 * second)
print(f"{spikes.count[0]} spikes; mean weight 0.8 -> {synapses.w[:].mean():.3f}")

figure, axes = plt.subplots()
axes.hist(synapses.w[:], bins=20)
axes.set(xlabel="weight after 5 s", ylabel="synapses")
figure.savefig(Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "weights.png")
