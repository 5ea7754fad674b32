// AArch64 NEON. Strides inside a register: a reversal or rotation and one multiply-add by +-1.
#pragma once

#include <arm_neon.h>
#include <string.h>

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace neon {

struct F32 {
  using T = float;
  using reg = float32x4_t;
  static constexpr int W = 4;
  static constexpr int tile_regs = 16;
  static constexpr int recur_regs = tile_regs;
  static constexpr int pass_regs = tile_regs;
  static constexpr int project_regs = 4;  // of units, for each of four steps
  static constexpr int max_radix_log2 = 4;

  HADAMRNN_INLINE static reg load(const float* p) { return vld1q_f32(p); }
  HADAMRNN_INLINE static void store(float* p, reg x) { vst1q_f32(p, x); }
  HADAMRNN_INLINE static reg set(float x) { return vdupq_n_f32(x); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return vaddq_f32(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return vsubq_f32(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return vmulq_f32(x, y); }
  HADAMRNN_INLINE static reg div(reg x, reg y) { return vdivq_f32(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, float s) { return vfmaq_n_f32(acc, y, s); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    if constexpr (S == 1) {
      const float sign[4] = {1, -1, 1, -1};
      return vfmaq_f32(vrev64q_f32(x), x, vld1q_f32(sign));
    } else {
      const float sign[4] = {1, 1, -1, -1};
      return vfmaq_f32(vextq_f32(x, x, 2), x, vld1q_f32(sign));
    }
  }

  HADAMRNN_INLINE static reg fma(reg x, reg y, reg z) { return vfmaq_f32(z, x, y); }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return vmaxq_f32(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return vminq_f32(x, y); }
  HADAMRNN_INLINE static reg scale2(reg x, reg k) {
    const int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(k), vdupq_n_s32(127)), 23);
    return mul(x, vreinterpretq_f32_s32(power));
  }
  HADAMRNN_INLINE static uint32x4_t bits(reg x) { return vreinterpretq_u32_f32(x); }
  HADAMRNN_INLINE static reg clear(uint32x4_t mask, reg x) { return vreinterpretq_f32_u32(vbicq_u32(bits(x), mask)); }
  HADAMRNN_INLINE static reg copysign(reg magnitude, reg sign) {
    return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude);
  }
  // Comparisons with NaN are false, so what they clear is never NaN.
  HADAMRNN_INLINE static reg relu(reg z) { return clear(vclezq_f32(z), z); }
  // 1 for z > 0, else 0; NaN stays NaN.
  HADAMRNN_INLINE static reg indicator(reg z) { return clear(vclezq_f32(z), vbslq_f32(vcgtzq_f32(z), set(1), z)); }
  HADAMRNN_INLINE static reg sign(reg z) {
    return vbslq_f32(vcgezq_f32(z), set(1), vbslq_f32(vcltzq_f32(z), set(-1), z));
  }
  HADAMRNN_INLINE static reg modrelu(reg z, reg a) {
    const reg t = add(vabsq_f32(z), a);
    return clear(vorrq_u32(vclezq_f32(t), vceqzq_f32(z)), copysign(t, z));
  }
  HADAMRNN_INLINE static reg keep_positive(reg x, reg h) { return clear(vclezq_f32(h), x); }
  HADAMRNN_INLINE static reg add_positive(reg acc, reg x, reg h) { return add(acc, keep_positive(x, h)); }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg h) {
    const uint32x4_t flip = vandq_u32(bits(h), vdupq_n_u32(0x80000000u));
    return clear(vceqzq_f32(h), vreinterpretq_f32_u32(veorq_u32(bits(x), flip)));
  }
  // All ones in the lanes of register i of a strip of 64 whose bit of the word is set.
  HADAMRNN_INLINE static uint32x4_t expand(const uint64_t* word, int i) {
    const uint32_t lane[4] = {1u << (i % 8 * 4), 2u << (i % 8 * 4), 4u << (i % 8 * 4), 8u << (i % 8 * 4)};
    return vtstq_u32(vdupq_n_u32(uint32_t(*word >> (i / 8 * 32))), vld1q_u32(lane));
  }
  HADAMRNN_INLINE static reg add_negated(reg acc, reg x, const uint64_t* negative, int i) {
    const uint32x4_t flip = vandq_u32(expand(negative, i), vdupq_n_u32(0x80000000u));
    return add(acc, vreinterpretq_f32_u32(veorq_u32(bits(x), flip)));
  }
  HADAMRNN_INLINE static reg add_masked(reg acc, reg x, const uint64_t* nonzero, const uint64_t* negative, int i) {
    return vbslq_f32(expand(nonzero, i), add_negated(acc, x, negative, i), acc);
  }
  HADAMRNN_INLINE static uint64_t gather_bits(uint32x4_t mask) {
    const uint32_t lane[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(mask, vld1q_u32(lane)));
  }
  HADAMRNN_INLINE static uint64_t negative_mask(reg x) { return gather_bits(vcltzq_f32(x)); }

  HADAMRNN_INLINE static reg sum16to4(reg (&x)[4]) { return add(add(x[0], x[2]), add(x[1], x[3])); }
  HADAMRNN_INLINE static void reduce4(reg (*acc)[4], float* out) {
    const reg a = sum16to4(acc[0]), b = sum16to4(acc[1]), c = sum16to4(acc[2]), d = sum16to4(acc[3]);
    const reg ab =
        add(vcombine_f32(vget_low_f32(a), vget_low_f32(b)), vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
    const reg cd =
        add(vcombine_f32(vget_low_f32(c), vget_low_f32(d)), vcombine_f32(vget_high_f32(c), vget_high_f32(d)));
    vst1q_f32(out, add(vuzp1q_f32(ab, cd), vuzp2q_f32(ab, cd)));
  }
};

struct I32 {
  using T = int32_t;
  using reg = int32x4_t;
  static constexpr int W = 4;
  static constexpr int tile_regs = 16;
  static constexpr int recur_regs = tile_regs;
  static constexpr int pass_regs = tile_regs;
  static constexpr int max_radix_log2 = 4;

  HADAMRNN_INLINE static reg load(const T* p) { return vld1q_s32(p); }
  HADAMRNN_INLINE static void store(T* p, reg x) { vst1q_s32(p, x); }
  HADAMRNN_INLINE static reg set(T x) { return vdupq_n_s32(x); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return vaddq_s32(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return vsubq_s32(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return vmulq_s32(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, T s) { return vmlaq_n_s32(acc, y, s); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    if constexpr (S == 1) {
      const T sign[4] = {1, -1, 1, -1};
      return vmlaq_s32(vrev64q_s32(x), x, vld1q_s32(sign));
    } else {
      const T sign[4] = {1, 1, -1, -1};
      return vmlaq_s32(vextq_s32(x, x, 2), x, vld1q_s32(sign));
    }
  }
  HADAMRNN_INLINE static reg negated(reg x, const uint64_t* negative, int i) {
    const reg flip = vreinterpretq_s32_u32(F32::expand(negative, i));  // all ones: x -> ~x + 1
    return sub(veorq_s32(x, flip), flip);
  }
  HADAMRNN_INLINE static reg add_negated(reg acc, reg x, const uint64_t* negative, int i) {
    return add(acc, negated(x, negative, i));
  }
  HADAMRNN_INLINE static reg add_masked(reg acc, reg x, const uint64_t* nonzero, const uint64_t* negative, int i) {
    return add(acc, vandq_s32(negated(x, negative, i), vreinterpretq_s32_u32(F32::expand(nonzero, i))));
  }
  HADAMRNN_INLINE static uint64_t negative_mask(reg x) { return F32::gather_bits(vcltzq_s32(x)); }

  HADAMRNN_INLINE static reg load_codes(const int8_t* p) {
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four)))));
  }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return vmaxq_s32(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return vminq_s32(x, y); }
  HADAMRNN_INLINE static reg relu(reg z) { return max(z, set(0)); }
  HADAMRNN_INLINE static reg indicator(reg z) { return min(relu(z), set(1)); }
  HADAMRNN_INLINE static reg sign(reg z) { return vorrq_s32(vshrq_n_s32(z, 31), set(1)); }
  HADAMRNN_INLINE static reg modrelu(reg z, reg a) {
    const reg flip = vshrq_n_s32(z, 31);  // all ones: t -> ~t + 1
    const reg t = max(add(vabsq_s32(z), a), set(0));
    return vandq_s32(sub(veorq_s32(t, flip), flip), vreinterpretq_s32_u32(vtstq_s32(z, z)));
  }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg u) { return mul(x, u); }  // u is 1, -1 or 0
  HADAMRNN_INLINE static reg mul_high(reg x, reg y) {
    const wide both = mul_wide(x, y);
    return vuzp2q_s32(vreinterpretq_s32_s64(both.low), vreinterpretq_s32_s64(both.high));
  }
  HADAMRNN_INLINE static reg mul_high_each(reg x, reg y) { return mul_high(x, y); }
  HADAMRNN_INLINE static reg add_saturated(reg x, reg y) { return add(x, y); }
  HADAMRNN_INLINE static reg shift_left(reg x, int s) { return vshlq_s32(x, set(s)); }
  HADAMRNN_INLINE static reg shift_right_each(reg x, reg s) { return vshlq_s32(x, vnegq_s32(s)); }
  HADAMRNN_INLINE static reg add_pair(reg acc, const int16_t* w, int32_t pair) {
    const int16x4x2_t both = vld2_s16(w);
    acc = vmlal_n_s16(acc, both.val[0], int16_t(uint16_t(pair & 0xFFFF)));
    return vmlal_n_s16(acc, both.val[1], int16_t(pair >> 16));
  }
  HADAMRNN_INLINE static reg from_float(F32::reg x) { return vcvtq_s32_f32(x); }  // whole numbers
  HADAMRNN_INLINE static float32x4_t to_float(reg x) { return vcvtq_f32_s32(x); }
  HADAMRNN_INLINE static reg load_short(const int16_t* p) { return vmovl_s16(vld1_s16(p)); }
  HADAMRNN_INLINE static reg add_products(reg acc, const int16_t* x, const int16_t* y) {
    const int16x8_t a = vld1q_s16(x), b = vld1q_s16(y);
    return vmlal_high_s16(vmlal_s16(acc, vget_low_s16(a), vget_low_s16(b)), a, b);
  }
  HADAMRNN_INLINE static void store_short(int16_t* p, reg x) { vst1_s16(p, vmovn_s32(x)); }
  HADAMRNN_INLINE static reg shift_right(reg x, int s) { return vshlq_s32(x, set(-s)); }
  // 64-bit integers of the lower and of the upper lanes.
  struct wide {
    int64x2_t low, high;
  };
  HADAMRNN_INLINE static wide mul_wide(reg x, reg y) {
    return {vmull_s32(vget_low_s32(x), vget_low_s32(y)), vmull_high_s32(x, y)};
  }
  HADAMRNN_INLINE static wide widen_unsigned(reg x) {
    const uint32x4_t y = vreinterpretq_u32_s32(x);
    return {vreinterpretq_s64_u64(vmovl_u32(vget_low_u32(y))), vreinterpretq_s64_u64(vmovl_high_u32(y))};
  }
  HADAMRNN_INLINE static wide set_wide(int64_t x) { return {vdupq_n_s64(x), vdupq_n_s64(x)}; }
  HADAMRNN_INLINE static wide add_wide(wide x, wide y) { return {vaddq_s64(x.low, y.low), vaddq_s64(x.high, y.high)}; }
  HADAMRNN_INLINE static wide shift_left(wide x, int s) {
    return {vshlq_s64(x.low, vdupq_n_s64(s)), vshlq_s64(x.high, vdupq_n_s64(s))};
  }
  // The lower 32 bits of x >> s.
  HADAMRNN_INLINE static reg shift_right(wide x, int s) {
    const wide y = shift_left(x, -s);
    return vmovn_high_s64(vmovn_s64(y.low), y.high);
  }
};

struct I16 {
  using T = int16_t;
  using reg = int16x8_t;
  static constexpr int W = 8;
  static constexpr int tile_regs = 16;
  static constexpr int pass_regs = tile_regs;
  static constexpr int max_radix_log2 = 4;

  HADAMRNN_INLINE static reg load(const T* p) { return vld1q_s16(p); }
  HADAMRNN_INLINE static void store(T* p, reg x) { vst1q_s16(p, x); }
  HADAMRNN_INLINE static reg set(T x) { return vdupq_n_s16(x); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return vaddq_s16(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return vsubq_s16(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return vmulq_s16(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, T s) { return vmlaq_n_s16(acc, y, s); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    if constexpr (S == 1) {
      const T sign[8] = {1, -1, 1, -1, 1, -1, 1, -1};
      return vmlaq_s16(vrev32q_s16(x), x, vld1q_s16(sign));
    } else if constexpr (S == 2) {
      const T sign[8] = {1, 1, -1, -1, 1, 1, -1, -1};
      const reg y = vreinterpretq_s16_s32(vrev64q_s32(vreinterpretq_s32_s16(x)));
      return vmlaq_s16(y, x, vld1q_s16(sign));
    } else {
      const T sign[8] = {1, 1, 1, 1, -1, -1, -1, -1};
      return vmlaq_s16(vextq_s16(x, x, 4), x, vld1q_s16(sign));
    }
  }
};

// Recurrences of 16-bit lanes.
struct Narrow : I16 {
  static constexpr int recur_regs = pass_regs;

  HADAMRNN_INLINE static reg shift_left(reg x, int s) { return vshlq_s16(x, set(int16_t(s))); }
  HADAMRNN_INLINE static reg shift_right(reg x, int s) { return vshlq_s16(x, set(int16_t(-s))); }
  // vqdmulh is the upper half of twice the product, which saturates only for two times -2^15.
  HADAMRNN_INLINE static reg mul_high_each(reg x, reg y) { return vshrq_n_s16(vqdmulhq_s16(x, y), 1); }
  HADAMRNN_INLINE static reg add_saturated(reg x, reg y) { return vqaddq_s16(x, y); }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return vmaxq_s16(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return vminq_s16(x, y); }
  HADAMRNN_INLINE static reg relu(reg z) { return max(z, set(0)); }
  HADAMRNN_INLINE static reg indicator(reg z) { return min(relu(z), set(1)); }
};

struct Short : I16 {
  using T = int32_t;
  static constexpr int recur_regs = tile_regs;

  HADAMRNN_INLINE static reg join(int32x4_t low, int32x4_t high) {
    return vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
  }
  HADAMRNN_INLINE static reg load(const T* p) { return join(I32::load(p), I32::load(p + 4)); }
  HADAMRNN_INLINE static void store(T* p, reg x) {
    I32::store(p, vmovl_s16(vget_low_s16(x)));
    I32::store(p + 4, vmovl_s16(vget_high_s16(x)));
  }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg u) { return mul(x, u); }
  // floor(x factor / 2^16), factor < 2^31 - 2^15, in 32 bits.
  HADAMRNN_INLINE static void mul_factor(reg x, int32_t factor, int32x4_t& low, int32x4_t& high) {
    const int16_t rest = int16_t(factor), whole = int16_t((factor + (1 << 15)) >> 16);
    low = vmlal_n_s16(vshrq_n_s32(vmull_n_s16(vget_low_s16(x), rest), 16), vget_low_s16(x), whole);
    high = vmlal_n_s16(vshrq_n_s32(vmull_n_s16(vget_high_s16(x), rest), 16), vget_high_s16(x), whole);
  }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return vmaxq_s16(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return vminq_s16(x, y); }
};

struct U8 {
  using T = uint8_t;
  using reg = uint8x16_t;
  using Table = reg;
  static constexpr int W = 16;
  static constexpr int rows = 4;  // registers of rows that share a table
  struct Sums {
    uint16x8_t low, high;
  };
  HADAMRNN_INLINE static reg load(const T* p) { return vld1q_u8(p); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return vaddq_u8(x, y); }
  HADAMRNN_INLINE static reg low(reg x) { return vandq_u8(x, vdupq_n_u8(15)); }
  HADAMRNN_INLINE static reg high(reg x) { return vshrq_n_u8(x, 4); }
  HADAMRNN_INLINE static Table table(const T* p) { return vld1q_u8(p); }
  HADAMRNN_INLINE static reg look_up(Table t, reg i) { return vqtbl1q_u8(t, i); }
  HADAMRNN_INLINE static Sums no_sums() { return {vdupq_n_u16(0), vdupq_n_u16(0)}; }
  HADAMRNN_INLINE static void accumulate(Sums& s, reg x) {
    s.low = vaddw_u8(s.low, vget_low_u8(x));
    s.high = vaddw_high_u8(s.high, x);
  }
  HADAMRNN_INLINE static void store_sums(uint16_t* y, const Sums& s) {
    vst1q_u16(y, s.low);
    vst1q_u16(y + 8, s.high);
  }
  // 16 sums: bias and each z_j whose bit j of the index is set; lower 7 bits, then the upper ones.
  HADAMRNN_INLINE static void store_table(const int16_t* z, int32_t bias, T* t) {
    const int16_t odd[8] = {0, -1, 0, -1, 0, -1, 0, -1}, odd2[8] = {0, 0, -1, -1, 0, 0, -1, -1};
    const int16_t odd4[8] = {0, 0, 0, 0, -1, -1, -1, -1};
    const auto term = [z](int j, const int16_t* bit) { return vandq_s16(vdupq_n_s16(z[j]), vld1q_s16(bit)); };
    const int16x8_t pair = vaddq_s16(term(0, odd), term(1, odd2));
    const int16x8_t low = vaddq_s16(vaddq_s16(pair, term(2, odd4)), vdupq_n_s16(int16_t(bias)));
    const int16x8_t high = vaddq_s16(low, vdupq_n_s16(z[3]));
    const int16x8_t digit = vdupq_n_s16(127);
    vst1q_u8(t, vcombine_u8(vqmovun_s16(vandq_s16(low, digit)), vqmovun_s16(vandq_s16(high, digit))));
    vst1q_u8(t + 16, vcombine_u8(vqmovun_s16(vshrq_n_s16(low, 7)), vqmovun_s16(vshrq_n_s16(high, 7))));
  }
};

struct U64 {
  using T = uint64_t;
  using reg = uint64x2_t;
  using counts = uint8x16_t;  // a count a byte, at most 8 a word
  static constexpr int W = 2;
  static constexpr int max_counts = 31;
  HADAMRNN_INLINE static reg zero() { return vdupq_n_u64(0); }
  HADAMRNN_INLINE static reg load(const uint64_t* p) { return vld1q_u64(p); }
  HADAMRNN_INLINE static reg set(uint64_t x) { return vdupq_n_u64(x); }
  HADAMRNN_INLINE static reg xor_(reg x, reg y) { return veorq_u64(x, y); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return vaddq_u64(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return vsubq_u64(x, y); }
  HADAMRNN_INLINE static counts no_counts() { return vdupq_n_u8(0); }
  HADAMRNN_INLINE static counts count(counts c, reg x) { return vaddq_u8(c, vcntq_u8(vreinterpretq_u8_u64(x))); }
  HADAMRNN_INLINE static reg total(counts c) { return vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(c))); }
  HADAMRNN_INLINE static void store_affine(int32_t* y, int64_t c, reg s) {
    const reg r = sub(vdupq_n_u64(uint64_t(c)), add(s, s));
    vst1_s32(y, vmovn_s64(vreinterpretq_s64_u64(r)));
  }
};

using SignCounter = U64;

}  // namespace neon
}  // namespace hadamrnn
