// One element as a vector: the scalar reference, and float64 (training checks only).
#pragma once

#include <string.h>

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

template <class Element>
struct One {
  using T = Element;
  using reg = Element;
  static constexpr int W = 1;
  static constexpr int tile_regs = 4;
  static constexpr int recur_regs = tile_regs;
  static constexpr int pass_regs = tile_regs;
  static constexpr int project_regs = 2;  // of units, for each of four steps
  static constexpr int max_radix_log2 = 2;

  HADAMRNN_INLINE static reg load(const T* p) { return *p; }
  HADAMRNN_INLINE static void store(T* p, reg x) { *p = x; }
  HADAMRNN_INLINE static reg set(T x) { return x; }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return T(x + y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return T(x - y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return T(x * y); }
  HADAMRNN_INLINE static reg div(reg x, reg y) { return T(x / y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, T s) { return T(acc + y * s); }
  template <int S>
  static reg butterfly(reg x) {
    return x;
  }

  HADAMRNN_INLINE static reg fma(reg x, reg y, reg z) { return T(x * y + z); }
  // The second operand where either is NaN: max(bound, x) passes a NaN x on, max(x, bound) hides it.
  HADAMRNN_INLINE static reg max(reg x, reg y) { return x > y ? x : y; }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return x < y ? x : y; }
  // x * 2^k for a whole number k in the range of normal floats.
  HADAMRNN_INLINE static reg scale2(reg x, reg k) {
    const uint32_t bits = uint32_t(int32_t(k) + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return T(x * power);
  }
  // What follows decides by what is left when it is not NaN, so that NaN passes; relu(-0) is +0.
  HADAMRNN_INLINE static reg relu(reg z) { return z <= 0 ? T(0) : z; }
  // 1 for z > 0, else 0.
  HADAMRNN_INLINE static reg indicator(reg z) { return z > 0 ? T(1) : z <= 0 ? T(0) : z; }
  HADAMRNN_INLINE static reg sign(reg z) { return z >= 0 ? T(1) : z < 0 ? T(-1) : z; }
  HADAMRNN_INLINE static reg modrelu(reg z, reg a) {
    const T t = (z < 0 ? -z : z) + a;
    return t <= 0 || z == 0 ? T(0) : z < 0 ? -t : t;
  }
  HADAMRNN_INLINE static reg keep_positive(reg x, reg h) { return h <= 0 ? T(0) : x; }
  // acc + x where h is positive or NaN, else acc, which is not -0.
  HADAMRNN_INLINE static reg add_positive(reg acc, reg x, reg h) { return h <= 0 ? acc : T(acc + x); }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg h) { return h == 0 ? T(0) : h < 0 ? -x : x; }

  // acc + (-x where bit i of the word is set, else x), and the same only where `nonzero` has its bit.
  HADAMRNN_INLINE static reg add_negated(reg acc, reg x, const uint64_t* negative, int i) {
    return T(acc + (*negative >> i & 1 ? -x : x));
  }
  HADAMRNN_INLINE static reg add_masked(reg acc, reg x, const uint64_t* nonzero, const uint64_t* negative, int i) {
    return *nonzero >> i & 1 ? add_negated(acc, x, negative, i) : acc;
  }
  HADAMRNN_INLINE static uint64_t negative_mask(reg x) { return x < 0; }

  // --- integers only ---
  HADAMRNN_INLINE static reg shift_left(reg x, int s) { return T(x * (1 << s)); }
  // The upper half of a product of two lanes, and a sum that saturates where lanes have 16 bits.
  HADAMRNN_INLINE static reg mul_high_each(reg x, reg y) { return T((int64_t(x) * y) >> (8 * sizeof(T))); }
  HADAMRNN_INLINE static reg add_saturated(reg x, reg y) {
    if constexpr (sizeof(T) > 2) return T(x + y);
    const int32_t sum = int32_t(x) + int32_t(y);
    return T(sum < -32768 ? -32768 : sum > 32767 ? 32767 : sum);
  }
  HADAMRNN_INLINE static reg shift_right_each(reg x, reg s) { return x >> s; }
  // acc + w[0] x_0 + w[1] x_1, the halves of `pair` being x_0 and x_1; of all lanes, whose pairs lie side by side.
  HADAMRNN_INLINE static reg add_pair(reg acc, const int16_t* w, int32_t pair) {
    return acc + w[0] * int16_t(uint16_t(pair & 0xFFFF)) + w[1] * (pair >> 16);
  }
  HADAMRNN_INLINE static reg from_float(float x) { return T(x); }  // whole numbers
  HADAMRNN_INLINE static float to_float(reg x) { return float(x); }
  HADAMRNN_INLINE static reg load_short(const int16_t* p) { return T(*p); }
  // acc + x y of twice as many elements as there are lanes; which lane a product goes to does not matter.
  HADAMRNN_INLINE static reg add_products(reg acc, const int16_t* x, const int16_t* y) {
    return acc + x[0] * y[0] + x[1] * y[1];
  }
  HADAMRNN_INLINE static void store_short(int16_t* p, reg x) { *p = int16_t(x); }  // that fits
  HADAMRNN_INLINE static reg mul_high(reg x, reg y) { return T((int64_t(x) * y) >> 32); }
  HADAMRNN_INLINE static reg shift_right(reg x, int s) { return x >> s; }
  using wide = int64_t;  // a 64-bit integer a lane
  HADAMRNN_INLINE static reg load_codes(const int8_t* p) { return *p; }
  HADAMRNN_INLINE static wide mul_wide(reg x, reg y) { return wide(x) * y; }
  HADAMRNN_INLINE static wide widen_unsigned(reg x) { return wide(uint32_t(x)); }
  HADAMRNN_INLINE static wide set_wide(int64_t x) { return x; }
  HADAMRNN_INLINE static wide add_wide(wide x, wide y) { return wide(uint64_t(x) + uint64_t(y)); }
  HADAMRNN_INLINE static wide shift_left(wide x, int s) { return wide(uint64_t(x) << s); }
  // The lower 32 bits of x >> s, s <= 30.
  HADAMRNN_INLINE static reg shift_right(wide x, int s) { return T(x >> s); }

  // Sums of 16 partial sums each, in the fixed tree.
  static void reduce4(reg (*acc)[16], T* out) {
    for (int q = 0; q < 4; ++q) {
      T* p = acc[q];
      for (int half = 8; half >= 1; half /= 2) {
        for (int i = 0; i < half; ++i) p[i] = p[i] + p[i + half];
      }
      out[q] = p[0];
    }
  }
};

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
