{# The synapses of a dense projection, row by row. #}
{# USES_VARIABLES { _synaptic_pre, _synaptic_post, N_incoming, N_outgoing, N } #}
{# WRITES_TO_READ_ONLY_VARIABLES { _synaptic_pre, _synaptic_post, N_incoming, N_outgoing, N } #}
{% extends 'common_synapses.cpp' %}

{% block maincode %}
    const size_t _rows = {{_own.rows}}, _columns = {{_own.columns}}, _total = {{_own.copies}}*_rows*_columns;
    {{_dynamic_N_outgoing}}.assign({{_own.copies}}*_rows, _columns);
    {{_dynamic_N_incoming}}.assign({{_own.copies}}*_columns, _rows);
    {% for name in owner._registered_variables | variables_to_array_names(access_data=False) | sort %}
    {{name}}.resize(_total);
    {% endfor %}
    int32_t* const _pre = {{_dynamic__synaptic_pre}}.data();
    int32_t* const _post = {{_dynamic__synaptic_post}}.data();
    for (size_t _row = 0; _row < {{_own.copies}}*_rows; _row++)
        for (size_t _column = 0; _column < _columns; _column++)
        {
            _pre[_row*_columns + _column] = _row;
            _post[_row*_columns + _column] = _row/_rows*_columns + _column;
        }
    {{N}} = _total;
{% endblock %}
