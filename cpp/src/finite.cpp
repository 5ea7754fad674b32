#include "finite.hpp"

#include <algorithm>
#include <cstring>

#include "hadamrnn/features.hpp"

namespace hadamrnn {

bool all_finite(const float* x, int64_t n) {
  uint32_t sums = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof bits);
    sums |= (bits & 0x7fffffffu) + 0x00800000u;  // the exponent of infinity and NaN, all ones, carries into the sign
  }
  return sums >> 31 == 0;
}

int64_t first_nonfinite(const float* x, int64_t n) {
  constexpr int64_t block = 1024;
  for (int64_t i = 0; i < n; i += block) {
    if (all_finite(x + i, std::min(block, n - i))) continue;
    while (all_finite(x + i, 1)) ++i;
    return i;
  }
  return -1;
}

}  // namespace hadamrnn
