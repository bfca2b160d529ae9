{# One synapse of a dense projection: what Brian2's code looks up in lists of synapses is known. #}
{% macro at(pre, post, synapse) %}
const size_t _idx = {{synapse}}, _vectorisation_idx = _idx;
const spikehebb_number {{get_array_name(pre_list)}} = {(int32_t) ({{pre}})};
const spikehebb_number {{get_array_name(post_list)}} = {(int32_t) ({{post}})};
{{vector_code|autoindent}}
{% endmacro %}
