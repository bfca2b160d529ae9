{# One synapse of a dense projection: what Brian2's code looks up in lists of synapses is known. #}
{% macro at(pre, post, synapse) %}
const size_t _idx = {{synapse}}, _vectorisation_idx = _idx;
const spikehebb::Same<int32_t> {{get_array_name(_own.pre_list)}} = {(int32_t) ({{pre}})};
const spikehebb::Same<int32_t> {{get_array_name(_own.post_list)}} = {(int32_t) ({{post}})};
{% for variable in _own.constant %}
const spikehebb::Same<{{c_data_type(variable.dtype)}}> {{get_array_name(variable)}} = {_constant_{{loop.index}}};
{% endfor %}
{{vector_code|autoindent}}
{% endmacro %}
{# What is the same for all synapses of a row or column, read before the loop over them. #}
{% macro constants(neuron) %}
{% for variable in _own.constant %}
const {{c_data_type(variable.dtype)}} _constant_{{loop.index}} = {{get_array_name(variable)}}[{{neuron}}];
{% endfor %}
{% endmacro %}
