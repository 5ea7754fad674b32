// Checks of gradients compute in float64; nothing else does. Compiled for size.
#include "recurrence-inl.hpp"

namespace hadamrnn {

HADAMRNN_INSTANTIATE(double)

}  // namespace hadamrnn
