// Ice Lake, Zen 4 and newer: AVX-512 F, BW, DQ, VL and VPOPCNTDQ.
#define HADAMRNN_ISA avx512
#include "kernels/vec_avx512.hpp"
#include "kernels/table-inl.hpp"
