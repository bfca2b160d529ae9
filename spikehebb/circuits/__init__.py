"""Functions that return a circuit."""

from spikehebb.circuits.column import softmax_column as softmax_column
from spikehebb.circuits.column import triangle_column as triangle_column
from spikehebb.circuits.distal_reward import distal_reward as distal_reward
from spikehebb.circuits.feature_columns import feature_columns as feature_columns
from spikehebb.circuits.learner import AnyLearner as AnyLearner
from spikehebb.circuits.learner import Learner as Learner
from spikehebb.circuits.learner import lasting as lasting
from spikehebb.circuits.learner import plastic as plastic
from spikehebb.circuits.learners import LEARNERS as LEARNERS
from spikehebb.circuits.learners import ages as ages
from spikehebb.circuits.learners import find as find
from spikehebb.circuits.lif import lif_wta as lif_wta
from spikehebb.circuits.pair import has_pair_form as has_pair_form
from spikehebb.circuits.pair import synapse_pair as synapse_pair
from spikehebb.circuits.rates import competing_rates as competing_rates
from spikehebb.circuits.rates import delayed_rates as delayed_rates
from spikehebb.circuits.rates import linear_rates as linear_rates
from spikehebb.circuits.rates import rewarded_rates as rewarded_rates
from spikehebb.circuits.spiking import biased as biased
from spikehebb.circuits.spiking import soft_wta as soft_wta
from spikehebb.circuits.supervised import deep_rates as deep_rates
from spikehebb.circuits.supervised import supervised_rates as supervised_rates
from spikehebb.circuits.winner_rates import winner_rates as winner_rates
