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
// log(x), of positive numbers that are not denormal, within 2e-16*(1 + |log(x)|): x = m*2**n with m from sqrt(1/2) to
// sqrt(2), log(m) = 2*atanh(s). The polynomial is (2*atanh(s)/s - 2)/s**2, interpolated at Chebyshev nodes of s**2.
static inline double positive_log(double x)
{
    const uint64_t above = bits_of(x) - bits_of(0.7071067811865476);
    const double n = of_bits(((above + (1024ULL << 52)) >> 52) + 0x4330000000000000ULL) - (4503599627370496.0 + 1024);
    const double m = of_bits((above & 0xfffffffffffffULL) + bits_of(0.7071067811865476));
    const double s = (m - 1)/(m + 1), z = s*s;
    double p = 0.14616449685043406;
    p = p*z + 0.15331721600556042;
    p = p*z + 0.18182889125261723;
    p = p*z + 0.2222221113479508;
    p = p*z + 0.28571428625975487;
    p = p*z + 0.39999999999899505;
    p = p*z + 0.666666666666667;
    return n*6.93147180369123816490e-01 + (n*1.90821492927058770002e-10 + (2*s + s*z*p));
}

// Without branches and calls, as exp(); the C library's where the compiler knows a whole exponent and multiplies instead.
static inline double pow(double x, double y)
{
    if (__builtin_constant_p(y) && y == __builtin_rint(y))
        return ::pow(x, y);
    const double size = __builtin_fabs(x);
    double power = exp(y*positive_log(size));
    const double half = 0.5*y, of_zero = y > 0 ? 0 : HUGE_VAL, of_infinity = y > 0 ? HUGE_VAL : 0;
    power = size < 2.2250738585072014e-308 ? of_zero : power;
    power = size > 1.7976931348623157e308 ? of_infinity : power;
    const double odd = half == __builtin_rint(half) ? power : -power;
    const double negative = y == __builtin_rint(y) ? odd : __builtin_nan("");
    power = x < 0 ? negative : power;
    power = (x == x) & (y == y) ? power : __builtin_nan("");  // of no number its bits would make one
    return (y == 0) | (x == 1) ? 1 : power;
}
#else
using ::exp;
using ::pow;
#endif

// At least exp(x), and at most 1.07 times that: 2**n*(1 + f) instead of 2**(n + f).
static inline double above_exp(double x)
{
    double y = x*1.4426950408889634 + 1023.000001;
    y = y < 1 ? 1 : y;
    const double above = of_bits(bits_of(y + 6442450944.0) << 32);  // 1.5*2**32: the last bits are those of 2**20*y
    return y > 2046 ? HUGE_VAL : above;
}

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

// The last round of SplitMix64, and uniform numbers as functions of a key.
static inline uint64_t mixed(uint64_t z)
{
    z = (z ^ (z >> 30))*0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27))*0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

static inline double uniform(uint64_t key)
{
    return (double) (int64_t) (mixed(key) >> 11)*(1.0/9007199254740992.0);
}

// For each of 64 neurons its bit, and its multiple of a number: looking them up takes less time.
static const struct Of64
{
    uint64_t bit[64], multiple[64];
    Of64()
    {
        for (uint64_t k = 0; k < 64; k++)
        {
            bit[k] = 1ULL << k;
            multiple[k] = k*0x9E3779B97F4A7C15ULL;
        }
    }
} of_64;

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
