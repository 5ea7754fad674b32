#pragma once

#include "kernels/vec_one.hpp"
#include "kernels/xnor-inl.hpp"

namespace hadamrnn {
namespace scalar {

using F32 = One<float>;
using I32 = One<int32_t>;
using I16 = One<int16_t>;

// 16-bit lanes of integers that memory holds in 32 bits: a register joins two of I32, in an order of its own that
// exchanges bits of the index of an element. None here.
struct Short {
  static constexpr int W = 0;
};

struct U64 {
  using reg = uint64_t;
  using counts = uint64_t;
  static constexpr int W = 1;
  static constexpr int max_counts = 1 << 20;
  static constexpr int tile_words = 4;
  static reg zero() { return 0; }
  static reg load(const uint64_t* p) { return *p; }
  static reg set(uint64_t x) { return x; }
  static reg and_(reg x, reg y) { return x & y; }
  static reg xor_(reg x, reg y) { return x ^ y; }
  static reg add(reg x, reg y) { return x + y; }
  static reg sub(reg x, reg y) { return x - y; }
  static counts no_counts() { return 0; }
  static counts count(counts c, reg x) { return c + uint64_t(popcount64(x)); }
  static reg total(counts c) { return c; }
  static void store_affine(int32_t* y, int64_t c, reg s) { *y = int32_t(c - 2 * int64_t(s)); }
};

}  // namespace scalar
}  // namespace hadamrnn
