{# What spikes do in a projection that connects all with all: neither a queue nor lists of synapses. #}
{% extends 'common_synapses.cpp' %}
{% from 'dense.cpp' import at, constants with context %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const int32_t* _spikes = brian::{{_own.spikes}};
    size_t _number = _spikes[{{_own.sources}}];
    // the spikes of the last steps, each as long as it is on its way
    static std::vector<std::vector<int32_t>> _ring((size_t) (brian::{{_own.delay}}[0] / brian::{{_own.clock_dt}}[0] + 0.5) + 1);
    static size_t _now = 0;
    _ring[_now].assign(_spikes, _spikes + _number);
    _now = _now + 1 == _ring.size() ? 0 : _now + 1;
    _spikes = _ring[_now].data();
    _number = _ring[_now].size();

    {% if _own.at_post %}
    for (size_t _k = 0; _k < _number; _k++)
    {
        const int32_t _column = _spikes[_k] % {{_own.columns}}, _first = _spikes[_k] / {{_own.columns}} * {{_own.rows}};
        {{ constants('_spikes[_k]') }}
        {% if _own.independent %}
        #pragma GCC ivdep
        {% endif %}
        for (int32_t _row = _first; _row < _first + {{_own.rows}}; _row++)
        {
            {{ at('_row', '_spikes[_k]', '(size_t) _row*' ~ _own.columns ~ ' + _column') }}
        }
    }
    {% else %}
    // Several spikes add to a few neurons at a time, which then stay where they are fast to reach.
    const size_t _strip = {{ 512 if _own.independent else _own.columns }};
    {% if _own.copies > 1 %}
    for (size_t _from = 0; _from < _number; )
    {
        const size_t _copy = _spikes[_from] / {{_own.rows}};
        size_t _to = _from;
        while (_to < _number && _spikes[_to] / {{_own.rows}} == _copy)
            _to++;
    {% else %}
    {
        const size_t _copy = 0, _from = 0, _to = _number;
    {% endif %}
        for (size_t _begin = 0; _begin < {{_own.columns}}; _begin += _strip)
        {
            const size_t _end = _begin + _strip < {{_own.columns}} ? _begin + _strip : {{_own.columns}};
            for (size_t _k = _from; _k < _to; _k++)
            {
                {{ constants('_spikes[_k]') }}
                {% if _own.independent %}
                #pragma GCC ivdep
                {% endif %}
                for (size_t _column = _begin; _column < _end; _column++)
                {
                    {{ at('_spikes[_k]', '_copy*' ~ _own.columns ~ ' + _column', '(size_t) _spikes[_k]*' ~ _own.columns ~ ' + _column') }}
                }
            }
        }
    {% if _own.copies > 1 %}
        _from = _to;
    {% endif %}
    }
    {% endif %}
{% endblock %}
