// CUDA emulated by the CPU: what brian2cuda's programs use of it, one thread after the other.
//
// It checks the logic of a program: what is copied where, which kernel runs when, what it computes. It knows nothing of
// races, of speed, or of a GPU's arithmetic. "Device memory" is a memory of its own, so that a forgotten copy shows.
#pragma once
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#define __CUDA_ARCH__ 900
#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)

struct dim3
{
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
inline dim3 threadIdx, blockIdx, blockDim, gridDim;
inline void __syncthreads() {}
inline void __threadfence() {}

namespace cuda_on_cpu
{
// With SPIKEHEBB_THREADS=reversed the last thread of the last block comes first: no result may depend on the order.
inline const bool reversed = std::getenv("SPIKEHEBB_THREADS") && std::string(std::getenv("SPIKEHEBB_THREADS")) == "reversed";

template <class F> void launch(dim3 blocks, dim3 threads, F&& kernel)
{
    gridDim = blocks;
    blockDim = threads;
    const unsigned long n = (unsigned long) blocks.x * threads.x;
    for (unsigned long k = 0; k < n; k++)
    {
        const unsigned long now = reversed ? n - 1 - k : k;
        blockIdx = dim3(now / threads.x);
        threadIdx = dim3(now % threads.x);
        kernel();
    }
}
template <class F> void launch(dim3 blocks, dim3 threads, std::size_t, F&& kernel) { launch(blocks, threads, kernel); }
}

enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2 };
typedef cudaError_t cudaError;
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaLimit { cudaLimitMallocHeapSize };
struct cudaDeviceProp { int multiProcessorCount = 2, maxThreadsPerBlock = 64, maxThreadsPerMultiProcessor = 128, warpSize = 32; std::size_t sharedMemPerBlock = 49152; };
struct cudaFuncAttributes { int maxThreadsPerBlock = 64, numRegs = 1; std::size_t sharedSizeBytes = 0, localSizeBytes = 0, constSizeBytes = 0; };

inline const char* cudaGetErrorString(cudaError_t e) { return e ? "out of memory" : "no error"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaProfilerStop() { return cudaSuccess; }
inline cudaError_t cudaDeviceSetLimit(cudaLimit, std::size_t) { return cudaSuccess; }
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) { *p = cudaDeviceProp(); return cudaSuccess; }
inline cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) { *free = *total = (std::size_t) 1 << 33; return cudaSuccess; }
// fresh device memory holds garbage, as on a GPU
inline cudaError_t cudaMalloc(void** p, std::size_t n) { *p = std::malloc(n); std::memset(*p, 0xA5, n); return cudaSuccess; }
inline cudaError_t cudaFree(void* p) { std::free(p); return cudaSuccess; }
inline cudaError_t cudaMemset(void* p, int value, std::size_t n) { std::memset(p, value, n); return cudaSuccess; }
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t n, cudaMemcpyKind) { std::memcpy(to, from, n); return cudaSuccess; }
template <class T> cudaError_t cudaMemcpyToSymbol(T& symbol, const void* from, std::size_t n) { std::memcpy((void*) &symbol, from, n); return cudaSuccess; }
template <class F> cudaError_t cudaOccupancyMaxPotentialBlockSize(int* blocks, int* threads, F, std::size_t = 0, int = 0) { *blocks = 2; *threads = 64; return cudaSuccess; }
template <class F> cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, F, int, std::size_t) { *blocks = 2; return cudaSuccess; }
template <class F> cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* a, F) { *a = cudaFuncAttributes(); return cudaSuccess; }

template <class T, class U> T atomicAdd(T* address, U value) { const T old = *address; *address = old + (T) value; return old; }
template <class T, class U, class V> T atomicCAS(T* address, U compare, V value) { const T old = *address; if (old == (T) compare) *address = (T) value; return old; }
template <class To, class From> To cuda_on_cpu_bits(From from) { To to; static_assert(sizeof to == sizeof from, ""); std::memcpy(&to, &from, sizeof to); return to; }
inline long long __double_as_longlong(double x) { return cuda_on_cpu_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return cuda_on_cpu_bits<double>(x); }
inline int __float_as_int(float x) { return cuda_on_cpu_bits<int>(x); }
inline float __int_as_float(int x) { return cuda_on_cpu_bits<float>(x); }

#define CURAND_H_
enum curandStatus_t { CURAND_STATUS_SUCCESS, CURAND_STATUS_VERSION_MISMATCH, CURAND_STATUS_NOT_INITIALIZED, CURAND_STATUS_ALLOCATION_FAILED,
    CURAND_STATUS_TYPE_ERROR, CURAND_STATUS_OUT_OF_RANGE, CURAND_STATUS_LENGTH_NOT_MULTIPLE, CURAND_STATUS_DOUBLE_PRECISION_REQUIRED,
    CURAND_STATUS_LAUNCH_FAILURE, CURAND_STATUS_PREEXISTING_FAILURE, CURAND_STATUS_INITIALIZATION_FAILED, CURAND_STATUS_ARCH_MISMATCH,
    CURAND_STATUS_INTERNAL_ERROR };
enum curandRngType_t { CURAND_RNG_PSEUDO_DEFAULT };
typedef std::mt19937_64* curandGenerator_t;
struct curandState {};
inline curandStatus_t curandCreateGenerator(curandGenerator_t* g, curandRngType_t) { *g = new std::mt19937_64(); return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandDestroyGenerator(curandGenerator_t g) { delete g; return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t g, unsigned long long seed) { g->seed(seed); return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandSetGeneratorOffset(curandGenerator_t, unsigned long long) { return CURAND_STATUS_SUCCESS; }
template <class T> curandStatus_t cuda_on_cpu_uniform(curandGenerator_t g, T* to, std::size_t n)
{
    std::uniform_real_distribution<double> draw;
    for (std::size_t k = 0; k < n; k++) to[k] = (T) (1 - draw(*g));  // above 0, and 1 included
    return CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandGenerateUniform(curandGenerator_t g, float* to, std::size_t n) { return cuda_on_cpu_uniform(g, to, n); }
inline curandStatus_t curandGenerateUniformDouble(curandGenerator_t g, double* to, std::size_t n) { return cuda_on_cpu_uniform(g, to, n); }
template <class T> curandStatus_t cuda_on_cpu_normal(curandGenerator_t g, T* to, std::size_t n, T mean, T deviation)
{
    std::normal_distribution<double> draw(mean, deviation);
    for (std::size_t k = 0; k < n; k++) to[k] = (T) draw(*g);
    return n % 2 ? CURAND_STATUS_LENGTH_NOT_MULTIPLE : CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandGenerateNormal(curandGenerator_t g, float* to, std::size_t n, float m, float s) { return cuda_on_cpu_normal(g, to, n, m, s); }
inline curandStatus_t curandGenerateNormalDouble(curandGenerator_t g, double* to, std::size_t n, double m, double s) { return cuda_on_cpu_normal(g, to, n, m, s); }
inline curandStatus_t curandGeneratePoisson(curandGenerator_t g, unsigned* to, std::size_t n, double mean)
{
    std::poisson_distribution<unsigned> draw(mean);
    for (std::size_t k = 0; k < n; k++) to[k] = draw(*g);
    return CURAND_STATUS_SUCCESS;
}
inline void curand_init(unsigned long long, unsigned long long, unsigned long long, curandState*) {}
inline unsigned curand_poisson(curandState*, double) { std::abort(); }

namespace thrust
{
template <class T> using host_vector = std::vector<T>;
template <class T> using device_vector = std::vector<T>;
template <class T> using device_ptr = T*;
template <class T> T* raw_pointer_cast(T* p) { return p; }
template <class A, class B> using pair = std::pair<A, B>;
struct execution {};
inline execution host, device;
template <class It> void sequence(It first, It last) { std::iota(first, last, 0); }
template <class It> void sort(It first, It last) { std::sort(first, last); }
template <class It, class Out, class P> Out copy_if(It first, It last, Out out, P keep) { return std::copy_if(first, last, out, keep); }
template <class It, class P> auto count_if(It first, It last, P keep) { return std::count_if(first, last, keep); }
template <class Keys, class Values> void sort_by_key(Keys first, Keys last, Values values)
{
    std::vector<std::pair<typename std::iterator_traits<Keys>::value_type, typename std::iterator_traits<Values>::value_type>> both;
    for (auto k = first; k != last; ++k) both.emplace_back(*k, values[k - first]);
    std::stable_sort(both.begin(), both.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t k = 0; k < both.size(); k++) { first[k] = both[k].first; values[k] = both[k].second; }
}
template <class Keys, class Values> pair<Keys, Values> unique_by_key(Keys first, Keys last, Values values)
{
    std::size_t kept = 0;
    for (auto k = first; k != last; ++k)
        if (!kept || first[kept - 1] != *k) { first[kept] = *k; values[kept] = values[k - first]; kept++; }
    return {first + kept, values + kept};
}
}
