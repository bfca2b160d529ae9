{# Which neurons reach their threshold: the condition of all, without branches, and then the few that do. #}
{# USES_VARIABLES { N } #}
{% extends 'threshold.cpp' %}

{# Bits of 64 neurons; a function drawn from has the number of its call, and of the neuron, among them. #}
{% macro _bits_of(code) %}
for (size_t _k = 0; _k < _number; _k++)
{
    const size_t _idx = _begin + _k, _vectorisation_idx = _idx;
    {% for part in code.split('_rand(_vectorisation_idx)') %}
    {{part|autoindent}}{% if not loop.last %}
spikehebb::uniform(_keys + {{loop.index0}}*0xBF58476D1CE4E5B9ULL + spikehebb::of_64.multiple[_k])
    {% endif %}
    {% endfor %}
    _bits |= _cond ? spikehebb::of_64.bit[_k] : 0;
}
{% endmacro %}

{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set spikes = get_array_name(eventspace_variable) %}
    {% set code = vector_code|join('\n')|replace('&&', '&')|replace('||', '|') %}
    constexpr size_t _words = ({{_own.size}} + 63) / 64;
    uint64_t _reached[_words];  // a bit for each neuron
    {% if _own.drawn %}
    static uint64_t _step = spikehebb::mixed(brian::_random_generators[0].rand()*9007199254740992.0);
    const uint64_t _key = spikehebb::mixed(_step += 0x9E3779B97F4A7C15ULL);
    {% endif %}
    for (size_t _word = 0; _word < _words; _word++)
    {
        const size_t _begin = 64*_word, _number = {{_own.size}} - _begin < 64 ? {{_own.size}} - _begin : 64;
        uint64_t _bits = 0;
        {% if _own.drawn %}
        const uint64_t _keys = _key + _begin*0x9E3779B97F4A7C15ULL;
        {% endif %}
        {% if _own.below_exp and code.count('exp(') == 1 %}
        // Nearly always no neuron of these is drawn, which a bound tells.
        #pragma GCC ivdep
        {{ _bits_of(code|replace('exp(', 'spikehebb::above_exp(')) }}
        if (_bits)
        {
            _bits = 0;
            #pragma GCC ivdep
            {{ _bits_of(code) }}
        }
        {% else %}
        #pragma GCC ivdep
        {{ _bits_of(code) }}
        {% endif %}
        _reached[_word] = _bits;
    }

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
