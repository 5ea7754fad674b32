// AArch64.
#define HADAMRNN_ISA neon
#include "kernels/vec_neon.hpp"
#include "kernels/table-inl.hpp"
