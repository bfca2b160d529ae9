{# The sum over the synapses of a dense projection, for each neuron of one side. #}
{% extends 'common_group.cpp' %}
{% from 'dense.cpp' import at with context %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set target = get_array_name(_target_var) %}
    for (size_t _copy = 0; _copy < {{_own.copies}}; _copy++)
    {
    {% if _own.at_post and _own.columns > 1 %}
        for (size_t _column = 0; _column < {{_own.columns}}; _column++)
            {{target}}[_copy*{{_own.columns}} + _column] = 0;
        for (size_t _row = 0; _row < {{_own.rows}}; _row++)
        {
            const size_t _pre = _copy*{{_own.rows}} + _row;
            #pragma GCC ivdep
            for (size_t _column = 0; _column < {{_own.columns}}; _column++)
            {
                {{ at('_pre', '_copy*' ~ _own.columns ~ ' + _column', '_pre*' ~ _own.columns ~ ' + _column') }}
                {{target}}[_copy*{{_own.columns}} + _column] += _synaptic_var;
            }
        }
    {% elif _own.at_post %}
        {{c_data_type(_target_var.dtype)}} _sum = 0;
        for (size_t _row = 0; _row < {{_own.rows}}; _row++)
        {
            {{ at('_copy*' ~ _own.rows ~ ' + _row', '_copy', '_copy*' ~ _own.rows ~ ' + _row') }}
            _sum += _synaptic_var;
        }
        {{target}}[_copy] = _sum;
    {% else %}
        for (size_t _row = 0; _row < {{_own.rows}}; _row++)
        {
            const size_t _pre = _copy*{{_own.rows}} + _row;
            {{c_data_type(_target_var.dtype)}} _sum = 0;
            for (size_t _column = 0; _column < {{_own.columns}}; _column++)
            {
                {{ at('_pre', '_copy*' ~ _own.columns ~ ' + _column', '_pre*' ~ _own.columns ~ ' + _column') }}
                _sum += _synaptic_var;
            }
            {{target}}[_pre] = _sum;
        }
    {% endif %}
    }
{% endblock %}
