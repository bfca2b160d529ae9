{# One synapse of a dense projection: what Brian2's code looks up in lists of synapses is known. #}
{% macro at(pre, post, synapse) %}
const size_t _idx = {{synapse}}, _vectorisation_idx = _idx;
const spikehebb::Neuron {{get_array_name(_own.pre_list)}} = {(int32_t) ({{pre}})};
const spikehebb::Neuron {{get_array_name(_own.post_list)}} = {(int32_t) ({{post}})};
{{vector_code|autoindent}}
{% endmacro %}
