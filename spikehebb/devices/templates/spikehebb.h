// What programs of this toolkit have in front of their code.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace spikehebb
{
static inline uint64_t bits_of(double x)
{
    uint64_t bits;
    std::memcpy(&bits, &x, 8);
    return bits;
}

static inline double of_bits(uint64_t bits)
{
    double x;
    std::memcpy(&x, &bits, 8);
    return x;
}

#if defined(__FMA__) || defined(__aarch64__)
// Without branches and calls, so that compilers take it of several numbers at once; with the same result wherever in a
// loop a number stands, as libraries do not promise. Within 2.5e-16 of the exact value; 0 below -708, infinite above
// 709.4. The polynomial is (exp(r) - 1 - r)/r**2, interpolated at Chebyshev nodes for |r| <= ln(2)/2.
static inline double exp(double x)
{
    const double n = __builtin_rint(x*1.4426950408889634);
    double r = __builtin_fma(n, -6.93147180369123816490e-01, x);  // ln(2) in two parts
    r = __builtin_fma(n, -1.90821492927058770002e-10, r);
    double p = 2.510038549551032e-08;
    p = p*r + 2.7620088445409746e-07;
    p = p*r + 2.7557268459997064e-06;
    p = p*r + 2.4801521295954376e-05;
    p = p*r + 0.00019841269863053618;
    p = p*r + 0.0013888888917213717;
    p = p*r + 0.008333333333330062;
    p = p*r + 0.04166666666662413;
    p = p*r + 0.16666666666666669;
    p = p*r + 0.5;
    const double shifted = n + 6755399441055744.0;  // 1.5*2**52: the last bits are those of n
    p = (1 + (r + r*r*p))*of_bits((bits_of(shifted) << 52) + 0x3ff0000000000000ULL);
    p = x > 709.4 ? HUGE_VAL : p;
    return x < -708 ? 0 : p;
}
#else
using ::exp;
#endif

// Sums of up to 256 terms: never inlined, so that no program adds them in another order than any other.
__attribute__((noinline)) static double sum(const double* terms, size_t number)
{
    double parts[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    const size_t whole = number/8*8;
    for (size_t k = 0; k < whole; k += 8)
        for (size_t lane = 0; lane < 8; lane++)
            parts[lane] += terms[k + lane];
    for (size_t k = whole; k < number; k++)
        parts[k - whole] += terms[k];
    return ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

__attribute__((noinline)) static void add(double* target, const double* terms, size_t number)
{
    #pragma GCC ivdep
    for (size_t k = 0; k < number; k++)
        target[k] += terms[k];
}

// A list of which every entry is the same.
template <class Entry> struct Same
{
    Entry entry;
    Entry operator[](size_t) const { return entry; }
};

// The last round of SplitMix64, and uniform numbers as functions of a key and a neuron.
static inline uint64_t mixed(uint64_t z)
{
    z = (z ^ (z >> 30))*0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27))*0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

static inline double uniform(uint64_t key, uint64_t neuron)
{
    return (double) (int64_t) (mixed(key + neuron*0x9E3779B97F4A7C15ULL) >> 11)*(1.0/9007199254740992.0);
}

// A file of results; what cannot be written is told on the standard output.
class File
{
    const std::string name;
    std::FILE* const file;
    bool whole;
public:
    File(const std::string& name) : name(name), file(std::fopen(name.c_str(), "wb")), whole(file) {}
    void add(const void* data, size_t bytes) { whole = whole && std::fwrite(data, 1, bytes, file) == bytes; }
    ~File()
    {
        if ((file && std::fclose(file)) || !whole)
            std::cout << "Error writing " << name << "." << std::endl;
    }
};
}
