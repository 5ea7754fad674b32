// The compiler hints of src/kernels/macros.hpp, without the hints: the emulated intrinsics are long, and
// unrolled kernels made of them take the compiler minutes.
#pragma once

#define HADAMRNN_INLINE inline
#define HADAMRNN_RESTRICT __restrict__
#define HADAMRNN_UNROLL
