{# The sum over synapses in lists: the terms of many at once, then one addition after the other, in their order. #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set target = get_array_name(_target_var) %}
    const size_t _targets = {{constant_or_scalar(_target_size_name, variables[_target_size_name])}}, _number = {{N}};
    for (size_t _target_idx = 0; _target_idx < _targets; _target_idx++)
        {{target}}[_target_idx + {{_target_start}}] = 0;
    alignas(64) {{c_data_type(_target_var.dtype)}} _terms[256];
    for (size_t _begin = 0; _begin < _number; _begin += 256)
    {
        const size_t _end = _begin + 256 < _number ? _begin + 256 : _number;
        #pragma GCC ivdep
        for (size_t _idx = _begin; _idx < _end; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _terms[_idx - _begin] = _synaptic_var;
        }
        for (size_t _idx = _begin; _idx < _end; _idx++)
            {{target}}[{{get_array_name(_index_var)}}[_idx]] += _terms[_idx - _begin];
    }
{% endblock %}
