{# Which neurons reach their threshold: the condition of all, without branches, and then the few that do. #}
{# USES_VARIABLES { N } #}
{% extends 'threshold.cpp' %}

{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set spikes = get_array_name(eventspace_variable) %}
    constexpr size_t _words = ({{_own.size}} + 7) / 8;
    alignas(64) static unsigned char _reached[8*_words];
    {% if _own.drawn %}
    static uint64_t _step = spikehebb::mixed(brian::_random_generators[0].rand()*9007199254740992.0);
    const uint64_t _key = spikehebb::mixed(_step += 0x9E3779B97F4A7C15ULL);
    #define _rand(neuron) spikehebb::uniform(_key + (uint64_t) __COUNTER__*0xBF58476D1CE4E5B9ULL, neuron)
    {% endif %}
    #pragma GCC ivdep
    for (size_t _idx = 0; _idx < {{_own.size}}; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|join('\n')|replace('&&', '&')|replace('||', '|')|autoindent}}
        _reached[_idx] = _cond != 0;
    }
    {% if _own.drawn %}
    #undef _rand
    {% endif %}

    int32_t _count = 0;
    for (size_t _word = 0; _word < _words; _word++)
    {
        uint64_t _eight;
        std::memcpy(&_eight, _reached + 8*_word, 8);
        for (; _eight; _eight &= _eight - 1)  // a byte of 1 for each
        {
            const size_t _idx = 8*_word + __builtin_ctzll(_eight)/8;
            {{spikes}}[_count++] = _idx;
            {% if _uses_refractory %}
            {{not_refractory}}[_idx] = false;
            {{lastspike}}[_idx] = {{t}};
            {% endif %}
        }
    }
    {{spikes}}[{{_own.size}}] = _count;
{% endblock %}
