{# Which neurons reach their threshold: the condition of all, without branches, and then the few that do. #}
{# USES_VARIABLES { N } #}
{% extends 'threshold.cpp' %}

{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set spikes = get_array_name(eventspace_variable) %}
    constexpr size_t _words = ({{_own.size}} + 63) / 64;
    uint64_t _reached[_words];  // a bit for each neuron
    {% if _own.drawn %}
    static uint64_t _step = spikehebb::mixed(brian::_random_generators[0].rand()*9007199254740992.0);
    const uint64_t _key = spikehebb::mixed(_step += 0x9E3779B97F4A7C15ULL);
    #define _rand(neuron) spikehebb::uniform(_key + (uint64_t) __COUNTER__*0xBF58476D1CE4E5B9ULL, neuron)
    {% endif %}
    for (size_t _word = 0; _word < _words; _word++)
    {
        const size_t _begin = 64*_word, _number = {{_own.size}} - _begin < 64 ? {{_own.size}} - _begin : 64;
        uint64_t _bits = 0;
        #pragma GCC ivdep
        for (size_t _k = 0; _k < _number; _k++)
        {
            const size_t _idx = _begin + _k, _vectorisation_idx = _idx;
            {{vector_code|join('\n')|replace('&&', '&')|replace('||', '|')|autoindent}}
            _bits |= (uint64_t) (_cond != 0) << _k;
        }
        _reached[_word] = _bits;
    }
    {% if _own.drawn %}
    #undef _rand
    {% endif %}

    int32_t _count = 0;
    for (size_t _word = 0; _word < _words; _word++)
        for (uint64_t _bits = _reached[_word]; _bits; _bits &= _bits - 1)
        {
            const size_t _idx = 64*_word + __builtin_ctzll(_bits);
            {{spikes}}[_count++] = _idx;
            {% if _uses_refractory %}
            {{not_refractory}}[_idx] = false;
            {{lastspike}}[_idx] = {{t}};
            {% endif %}
        }
    {{spikes}}[{{_own.size}}] = _count;
{% endblock %}
