// Whether results are finite numbers, a look that costs next to nothing beside a step.
#pragma once

#include <cstdint>

namespace hadamrnn {

// Whether none of the numbers is infinite or NaN.
bool all_finite(const float* x, int64_t n);

}  // namespace hadamrnn
