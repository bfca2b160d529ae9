{# Nothing to do: the synapses of a dense projection look up the spikes themselves. #}
{% extends 'common_group.cpp' %}
