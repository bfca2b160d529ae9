{# The loop over the steps: which objects are due is decided, and the clock read, once in each. #}
{% macro cpp_file() %}
#include "network.h"
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <new>
#ifdef __linux__
#include <sys/mman.h>
#endif

// Arrays begin where vectors of numbers do; large ones, such as weights, lie on large pages: rows and columns cross many.
void* operator new(std::size_t bytes)
{
    constexpr std::size_t page = std::size_t(1) << 21;
    void* memory = nullptr;
    if (posix_memalign(&memory, bytes < page ? 64 : page, bytes ? bytes : 1))
        throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (bytes >= page)
        madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }

double Network::_last_run_time = 0;
double Network::_last_run_completed_fraction = 0;
bool Network::_globally_stopped = false;
bool Network::_globally_running = false;

void Network::run(const double duration, Report report, const double period)
{
    using namespace std::chrono;
    std::vector<BaseClock*> clocks;
    std::vector<size_t> clock_of;  // of each object
    for (const auto& object : objects)
    {
        size_t k = 0;
        while (k < clocks.size() && clocks[k] != object.first)
            k++;
        if (k == clocks.size())
            clocks.push_back(object.first);
        clock_of.push_back(k);
    }
    const double start = t;
    for (BaseClock* clock : clocks)
        clock->set_interval(start, start + duration);
    const auto begin = steady_clock::now();
    double seconds = 0, next = period;
    if (report)
        report(0, 0, start, duration);
    _globally_running = true;
    _globally_stopped = false;
    std::vector<char> due(clocks.size());
    while (!clocks.empty() && !_globally_stopped)
    {
        BaseClock* first = clocks[0];
        for (BaseClock* clock : clocks)
            if (clock->t[0] < first->t[0])
                first = clock;
        if (!first->running())
            break;
        t = first->t[0];
        // Clocks tick together if they differ by less than this, which the rounding errors of a minute do not reach.
        for (size_t k = 0; k < clocks.size(); k++)
            due[k] = std::fabs(clocks[k]->t[0] - t) <= 1e-9;
        for (size_t k = 0; k < objects.size(); k++)
            if (due[clock_of[k]] && objects[k].second)
                objects[k].second();
        for (size_t k = 0; k < clocks.size(); k++)
            if (due[k])
                clocks[k]->tick();
        if (!report)
            continue;
        seconds = duration_cast<nanoseconds>(steady_clock::now() - begin).count()*1e-9;
        if (seconds > next)
        {
            report(seconds, (t - start)/duration, start, duration);
            next = seconds + period;
        }
    }
    _globally_running = false;
    if (!_globally_stopped)
        t = start + duration;
    _last_run_time = seconds;
    _last_run_completed_fraction = duration > 0 ? (t - start)/duration : 1;
    if (report)
        report(seconds, _last_run_completed_fraction, start, duration);
}
{% endmacro %}

{% macro h_file() %}
#ifndef _BRIAN_NETWORK_H
#define _BRIAN_NETWORK_H
#include <utility>
#include <vector>
#include "brianlib/clocks.h"

typedef void (*codeobj_func)();

class Network
{
    typedef void (*Report)(const double, const double, const double, const double);
public:
    std::vector<std::pair<BaseClock*, codeobj_func>> objects;
    double t = 0;
    static double _last_run_time, _last_run_completed_fraction;
    static bool _globally_stopped, _globally_running;

    void clear() { objects.clear(); }
    void add(BaseClock* clock, codeobj_func function) { objects.push_back(std::make_pair(clock, function)); }
    void run(const double duration, Report report, const double period);
};
#endif
{% endmacro %}
