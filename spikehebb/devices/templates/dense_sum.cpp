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
            alignas(64) double _terms[256];
            for (size_t _begin = 0; _begin < {{_own.columns}}; _begin += 256)
            {
                const size_t _end = _begin + 256 < {{_own.columns}} ? _begin + 256 : {{_own.columns}};
                #pragma GCC ivdep
                for (size_t _column = _begin; _column < _end; _column++)
                {
                    {{ at('_pre', '_copy*' ~ _own.columns ~ ' + _column', '_pre*' ~ _own.columns ~ ' + _column') }}
                    _terms[_column - _begin] = _synaptic_var;
                }
                spikehebb::add({{target}} + _copy*{{_own.columns}} + _begin, _terms, _end - _begin);
            }
        }
    {% else %}
        {# one sum over all rows of a single column, or one over the columns of each row #}
        {% set sums, terms = (1, _own.rows) if _own.at_post else (_own.rows, _own.columns) %}
        for (size_t _of = 0; _of < {{sums}}; _of++)
        {
            double _sum = 0;
            alignas(64) double _terms[256];
            for (size_t _begin = 0; _begin < {{terms}}; _begin += 256)
            {
                const size_t _end = _begin + 256 < {{terms}} ? _begin + 256 : {{terms}};
                #pragma GCC ivdep
                for (size_t _term = _begin; _term < _end; _term++)
                {
                    {% if _own.at_post %}
                    {{ at('_copy*' ~ _own.rows ~ ' + _term', '_copy', '_copy*' ~ _own.rows ~ ' + _term') }}
                    {% else %}
                    {{ at('_copy*' ~ _own.rows ~ ' + _of', '_copy*' ~ _own.columns ~ ' + _term', '(_copy*' ~ _own.rows ~ ' + _of)*' ~ _own.columns ~ ' + _term') }}
                    {% endif %}
                    _terms[_term - _begin] = _synaptic_var;
                }
                _sum += spikehebb::sum(_terms, _end - _begin);
            }
            {{target}}[_copy*{{sums}} + _of] = _sum;
        }
    {% endif %}
    }
{% endblock %}
