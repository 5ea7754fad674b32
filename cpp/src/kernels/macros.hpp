// The two compiler hints that the kernels live on.
#pragma once

#if defined(_MSC_VER)
#define HADAMRNN_INLINE __forceinline
#define HADAMRNN_RESTRICT __restrict
#define HADAMRNN_UNROLL
#elif defined(HADAMRNN_SANITIZE)  // instrumented and inlined as well, a kernel is a function of megabytes
#define HADAMRNN_INLINE inline
#define HADAMRNN_RESTRICT __restrict__
#define HADAMRNN_UNROLL
#elif defined(__clang__)
#define HADAMRNN_INLINE inline __attribute__((always_inline))
#define HADAMRNN_RESTRICT __restrict__
#define HADAMRNN_UNROLL _Pragma("clang loop unroll(full)")
#else
// Without full unrolling the register arrays of the butterflies go through memory: 4 times slower.
#define HADAMRNN_INLINE inline __attribute__((always_inline))
#define HADAMRNN_RESTRICT __restrict__
#ifndef HADAMRNN_UNROLL
#define HADAMRNN_UNROLL _Pragma("GCC unroll 64")
#endif
#endif
