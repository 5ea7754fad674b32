// Haswell and newer: AVX2, FMA, BMI, POPCNT.
#define HADAMRNN_ISA avx2
#include "kernels/vec_avx2.hpp"
#include "kernels/table-inl.hpp"
