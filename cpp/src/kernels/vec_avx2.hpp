// AVX2 and FMA. See vec_avx512.hpp for the butterfly.
#pragma once

#include <immintrin.h>

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace avx2 {

struct F32 {
  using T = float;
  using reg = __m256;
  static constexpr int W = 8;
  static constexpr int tile_regs = 16;
  static constexpr int recur_regs = tile_regs;
  static constexpr int pass_regs = 8;     // fewer in blocks larger than a tile: sixteen spill
  static constexpr int project_regs = 2;  // of units, for each of four steps
  static constexpr int max_radix_log2 = 3;

  HADAMRNN_INLINE static reg load(const float* p) { return _mm256_loadu_ps(p); }
  HADAMRNN_INLINE static void store(float* p, reg x) { _mm256_storeu_ps(p, x); }
  HADAMRNN_INLINE static reg set(float x) { return _mm256_set1_ps(x); }
  HADAMRNN_INLINE static reg spread(const float* p) { return _mm256_broadcast_ss(p); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm256_add_ps(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return _mm256_sub_ps(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return _mm256_mul_ps(x, y); }
  HADAMRNN_INLINE static reg div(reg x, reg y) { return _mm256_div_ps(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, float s) { return _mm256_fmadd_ps(y, set(s), acc); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    const reg sign = _mm256_blend_ps(set(1.0f), set(-1.0f), S == 1 ? 0xAA : S == 2 ? 0xCC : 0xF0);
    reg y;
    if constexpr (S == 1) y = _mm256_permute_ps(x, 0xB1);
    if constexpr (S == 2) y = _mm256_permute_ps(x, 0x4E);
    if constexpr (S == 4) y = _mm256_permute2f128_ps(x, x, 1);
    return _mm256_fmadd_ps(x, sign, y);
  }

  HADAMRNN_INLINE static reg fma(reg x, reg y, reg z) { return _mm256_fmadd_ps(x, y, z); }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return _mm256_max_ps(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return _mm256_min_ps(x, y); }
  HADAMRNN_INLINE static reg scale2(reg x, reg k) {
    const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(k), _mm256_set1_epi32(127)), 23);
    return mul(x, _mm256_castsi256_ps(power));
  }
  // All ones where x is positive or NaN.
  HADAMRNN_INLINE static reg positive(reg x) { return _mm256_cmp_ps(x, set(0), _CMP_NLE_UQ); }
  HADAMRNN_INLINE static reg relu(reg z) { return _mm256_and_ps(positive(z), z); }
  // 1 for z > 0, else 0; NaN stays one: a mask of all ones is a NaN.
  HADAMRNN_INLINE static reg indicator(reg z) {
    return _mm256_or_ps(_mm256_and_ps(positive(z), set(1)), _mm256_cmp_ps(z, z, _CMP_UNORD_Q));
  }
  HADAMRNN_INLINE static reg sign(reg z) {  // all ones, which are a NaN, where z is one
    const reg one = _mm256_blendv_ps(set(-1), set(1), _mm256_cmp_ps(z, set(0), _CMP_GE_OQ));
    return _mm256_or_ps(one, _mm256_cmp_ps(z, z, _CMP_UNORD_Q));
  }
  HADAMRNN_INLINE static reg modrelu(reg z, reg a) {
    const reg t = add(_mm256_andnot_ps(set(-0.0f), z), a);
    const reg on = _mm256_and_ps(positive(t), _mm256_cmp_ps(z, set(0), _CMP_NEQ_UQ));
    return _mm256_and_ps(on, _mm256_or_ps(t, _mm256_and_ps(z, set(-0.0f))));
  }
  HADAMRNN_INLINE static reg keep_positive(reg x, reg h) { return _mm256_and_ps(positive(h), x); }
  HADAMRNN_INLINE static reg add_positive(reg acc, reg x, reg h) { return add(acc, keep_positive(x, h)); }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg h) {
    const reg flipped = _mm256_xor_ps(x, _mm256_and_ps(h, set(-0.0f)));
    return _mm256_and_ps(_mm256_cmp_ps(h, set(0), _CMP_NEQ_UQ), flipped);
  }
  // All ones in the lanes of register i of a strip of 64 whose bit of the word is set. The half word is
  // broadcast from memory once for four registers.
  HADAMRNN_INLINE static __m256i expand(const uint64_t* word, int i) {
    const int32_t half = int32_t(uint32_t(*word >> (i / 4 * 32)));
    const __m256i lane = _mm256_slli_epi32(_mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), i % 4 * 8);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(half), lane), lane);
  }
  HADAMRNN_INLINE static reg add_negated(reg acc, reg x, const uint64_t* negative, int i) {
    const reg minus = _mm256_xor_ps(x, set(-0.0f));  // the same for all registers of a strip
    return add(acc, _mm256_blendv_ps(x, minus, _mm256_castsi256_ps(expand(negative, i))));
  }
  HADAMRNN_INLINE static reg add_masked(reg acc, reg x, const uint64_t* nonzero, const uint64_t* negative, int i) {
    return _mm256_blendv_ps(acc, add_negated(acc, x, negative, i), _mm256_castsi256_ps(expand(nonzero, i)));
  }
  HADAMRNN_INLINE static uint64_t negative_mask(reg x) {
    return uint64_t(_mm256_movemask_ps(_mm256_cmp_ps(x, set(0), _CMP_LT_OQ)));
  }

  HADAMRNN_INLINE static __m128 sum4(__m128 a, __m128 b, __m128 c, __m128 d) {
    const __m128 ab = _mm_add_ps(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a));
    const __m128 cd = _mm_add_ps(_mm_movelh_ps(c, d), _mm_movehl_ps(d, c));
    return _mm_add_ps(_mm_shuffle_ps(ab, cd, 0x88), _mm_shuffle_ps(ab, cd, 0xDD));
  }
  HADAMRNN_INLINE static __m128 sum16to4(reg (&x)[2]) {
    const reg p8 = add(x[0], x[1]);
    return _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
  }
  HADAMRNN_INLINE static void reduce4(reg (*acc)[2], float* out) {
    _mm_storeu_ps(out, sum4(sum16to4(acc[0]), sum16to4(acc[1]), sum16to4(acc[2]), sum16to4(acc[3])));
  }
};

struct I32 {
  using T = int32_t;
  using reg = __m256i;
  static constexpr int W = 8;
  static constexpr int tile_regs = 8;
  static constexpr int recur_regs = 16;
  static constexpr int pass_regs = 8;
  static constexpr int max_radix_log2 = 3;

  HADAMRNN_INLINE static reg load(const T* p) { return _mm256_loadu_si256(reinterpret_cast<const reg*>(p)); }
  HADAMRNN_INLINE static void store(T* p, reg x) { _mm256_storeu_si256(reinterpret_cast<reg*>(p), x); }
  HADAMRNN_INLINE static reg set(T x) { return _mm256_set1_epi32(x); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm256_add_epi32(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return _mm256_sub_epi32(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return _mm256_mullo_epi32(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, T s) { return add(acc, _mm256_sign_epi32(y, set(s))); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    const reg sign = _mm256_blend_epi32(set(1), set(-1), S == 1 ? 0xAA : S == 2 ? 0xCC : 0xF0);
    reg y;
    if constexpr (S == 1) y = _mm256_shuffle_epi32(x, 0xB1);
    if constexpr (S == 2) y = _mm256_shuffle_epi32(x, 0x4E);
    if constexpr (S == 4) y = _mm256_permute2x128_si256(x, x, 1);
    return add(y, _mm256_sign_epi32(x, sign));
  }
  HADAMRNN_INLINE static reg negated(reg x, const uint64_t* negative, int i) {
    const reg flip = F32::expand(negative, i);  // all ones: x -> ~x + 1
    return sub(_mm256_xor_si256(x, flip), flip);
  }
  HADAMRNN_INLINE static reg add_negated(reg acc, reg x, const uint64_t* negative, int i) {
    return add(acc, negated(x, negative, i));
  }
  HADAMRNN_INLINE static reg add_masked(reg acc, reg x, const uint64_t* nonzero, const uint64_t* negative, int i) {
    return add(acc, _mm256_and_si256(negated(x, negative, i), F32::expand(nonzero, i)));
  }
  HADAMRNN_INLINE static uint64_t negative_mask(reg x) { return uint64_t(_mm256_movemask_ps(_mm256_castsi256_ps(x))); }

  HADAMRNN_INLINE static reg load_codes(const int8_t* p) {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return _mm256_max_epi32(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return _mm256_min_epi32(x, y); }
  HADAMRNN_INLINE static reg relu(reg z) { return max(z, set(0)); }
  HADAMRNN_INLINE static reg indicator(reg z) { return min(relu(z), set(1)); }
  HADAMRNN_INLINE static reg sign(reg z) { return _mm256_or_si256(_mm256_srai_epi32(z, 31), set(1)); }
  HADAMRNN_INLINE static reg modrelu(reg z, reg a) {
    return _mm256_sign_epi32(max(add(_mm256_abs_epi32(z), a), set(0)), z);
  }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg u) { return _mm256_sign_epi32(x, u); }  // u is 1, -1 or 0
  HADAMRNN_INLINE static reg mul_high(reg x, reg y) {                                    // y the same in all lanes
    const reg even = odd_lanes(_mm256_mul_epi32(x, y));
    return _mm256_blend_epi32(even, _mm256_mul_epi32(odd_lanes(x), y), 0xAA);
  }
  HADAMRNN_INLINE static reg mul_high_each(reg x, reg y) {
    const reg even = odd_lanes(_mm256_mul_epi32(x, y));
    return _mm256_blend_epi32(even, _mm256_mul_epi32(odd_lanes(x), odd_lanes(y)), 0xAA);
  }
  HADAMRNN_INLINE static reg add_saturated(reg x, reg y) { return add(x, y); }
  HADAMRNN_INLINE static reg shift_left(reg x, int s) { return _mm256_sll_epi32(x, _mm_cvtsi32_si128(s)); }
  HADAMRNN_INLINE static reg shift_right_each(reg x, reg s) { return _mm256_srav_epi32(x, s); }
  HADAMRNN_INLINE static reg add_pair(reg acc, const int16_t* w, int32_t pair) {
    return add(acc, _mm256_madd_epi16(_mm256_loadu_si256(reinterpret_cast<const reg*>(w)), set(pair)));
  }
  HADAMRNN_INLINE static reg from_float(F32::reg x) { return _mm256_cvttps_epi32(x); }  // whole numbers
  HADAMRNN_INLINE static __m256 to_float(reg x) { return _mm256_cvtepi32_ps(x); }
  HADAMRNN_INLINE static reg load_short(const int16_t* p) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  HADAMRNN_INLINE static reg add_products(reg acc, const int16_t* x, const int16_t* y) {
    const reg a = _mm256_loadu_si256(reinterpret_cast<const reg*>(x));
    return add(acc, _mm256_madd_epi16(a, _mm256_loadu_si256(reinterpret_cast<const reg*>(y))));
  }
  HADAMRNN_INLINE static void store_short(int16_t* p, reg x) {
    const __m128i both = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), both);
  }
  HADAMRNN_INLINE static reg shift_right(reg x, int s) { return _mm256_sra_epi32(x, _mm_cvtsi32_si128(s)); }
  // 64-bit integers of the even and of the odd lanes.
  struct wide {
    reg even, odd;
  };
  HADAMRNN_INLINE static reg odd_lanes(reg x) { return _mm256_srli_epi64(x, 32); }
  HADAMRNN_INLINE static wide mul_wide(reg x, reg y) {
    return {_mm256_mul_epi32(x, y), _mm256_mul_epi32(odd_lanes(x), odd_lanes(y))};
  }
  HADAMRNN_INLINE static wide widen_unsigned(reg x) {
    return {_mm256_blend_epi32(x, _mm256_setzero_si256(), 0xAA), odd_lanes(x)};
  }
  HADAMRNN_INLINE static wide set_wide(int64_t x) { return {_mm256_set1_epi64x(x), _mm256_set1_epi64x(x)}; }
  HADAMRNN_INLINE static wide add_wide(wide x, wide y) {
    return {_mm256_add_epi64(x.even, y.even), _mm256_add_epi64(x.odd, y.odd)};
  }
  HADAMRNN_INLINE static wide shift_left(wide x, int s) {
    const __m128i count = _mm_cvtsi32_si128(s);
    return {_mm256_sll_epi64(x.even, count), _mm256_sll_epi64(x.odd, count)};
  }
  // The lower 32 bits of x >> s, s <= 30: no matter then whether the shift is arithmetic.
  HADAMRNN_INLINE static reg shift_right(wide x, int s) {
    const reg even = _mm256_srl_epi64(x.even, _mm_cvtsi32_si128(s));
    return _mm256_blend_epi32(even, _mm256_sll_epi64(x.odd, _mm_cvtsi32_si128(32 - s)), 0xAA);
  }
};

struct I16 {
  using T = int16_t;
  using reg = __m256i;
  static constexpr int W = 16;
  static constexpr int tile_regs = 8;
  static constexpr int pass_regs = 8;
  static constexpr int max_radix_log2 = 3;

  HADAMRNN_INLINE static reg load(const T* p) { return _mm256_loadu_si256(reinterpret_cast<const reg*>(p)); }
  HADAMRNN_INLINE static void store(T* p, reg x) { _mm256_storeu_si256(reinterpret_cast<reg*>(p), x); }
  HADAMRNN_INLINE static reg set(T x) { return _mm256_set1_epi16(x); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm256_add_epi16(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return _mm256_sub_epi16(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return _mm256_mullo_epi16(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, T s) { return add(acc, _mm256_sign_epi16(y, set(s))); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    if constexpr (S == 1) {  // +-1 in the two halves of each 32-bit word
      const __m128i swap = _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
      const reg y = _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(swap));
      return add(y, _mm256_sign_epi16(x, _mm256_set1_epi32(int(0xFFFF0001u))));
    } else {
      const reg sign = _mm256_blend_epi32(set(1), set(-1), S == 2 ? 0xAA : S == 4 ? 0xCC : 0xF0);
      reg y;
      if constexpr (S == 2) y = _mm256_shuffle_epi32(x, 0xB1);
      if constexpr (S == 4) y = _mm256_shuffle_epi32(x, 0x4E);
      if constexpr (S == 8) y = _mm256_permute2x128_si256(x, x, 1);
      return add(y, _mm256_sign_epi16(x, sign));
    }
  }
};

// Recurrences of 16-bit lanes.
struct Narrow : I16 {
  static constexpr int recur_regs = pass_regs;

  HADAMRNN_INLINE static reg shift_left(reg x, int s) { return _mm256_sll_epi16(x, _mm_cvtsi32_si128(s)); }
  HADAMRNN_INLINE static reg shift_right(reg x, int s) { return _mm256_sra_epi16(x, _mm_cvtsi32_si128(s)); }
  HADAMRNN_INLINE static reg mul_high_each(reg x, reg y) { return _mm256_mulhi_epi16(x, y); }
  HADAMRNN_INLINE static reg add_saturated(reg x, reg y) { return _mm256_adds_epi16(x, y); }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return _mm256_max_epi16(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return _mm256_min_epi16(x, y); }
  HADAMRNN_INLINE static reg relu(reg z) { return max(z, set(0)); }
  HADAMRNN_INLINE static reg indicator(reg z) { return min(relu(z), set(1)); }
};

struct Short : I16 {
  using T = int32_t;
  static constexpr int recur_regs = tile_regs;

  // Two registers of 32 bits; their lanes alternate in groups of four.
  HADAMRNN_INLINE static reg join(reg low, reg high) { return _mm256_packs_epi32(low, high); }
  HADAMRNN_INLINE static void split(reg x, reg& low, reg& high) {
    low = _mm256_srai_epi32(_mm256_unpacklo_epi16(x, x), 16);
    high = _mm256_srai_epi32(_mm256_unpackhi_epi16(x, x), 16);
  }
  HADAMRNN_INLINE static reg load(const T* p) { return join(I32::load(p), I32::load(p + 8)); }
  HADAMRNN_INLINE static void store(T* p, reg x) {
    reg low, high;
    split(x, low, high);
    I32::store(p, low);
    I32::store(p + 8, high);
  }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg u) { return _mm256_sign_epi16(x, u); }
  // floor(x factor / 2^16), factor < 2^31 - 2^15, in 32 bits.
  HADAMRNN_INLINE static void mul_factor(reg x, int32_t factor, reg& low, reg& high) {
    const reg rest = _mm256_mulhi_epi16(x, set(int16_t(factor)));
    const reg whole = _mm256_set1_epi32((1 << 16) | ((factor + (1 << 15)) >> 16));
    low = _mm256_madd_epi16(_mm256_unpacklo_epi16(x, rest), whole);
    high = _mm256_madd_epi16(_mm256_unpackhi_epi16(x, rest), whole);
  }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return _mm256_max_epi16(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return _mm256_min_epi16(x, y); }
};

struct U8 {
  using T = uint8_t;
  using reg = __m256i;
  using Table = reg;  // 16 bytes, twice
  static constexpr int W = 32;
  static constexpr int rows = 2;  // registers of rows that share a table
  struct Sums {
    reg pairs, odd;  // sums of pairs of bytes as numbers of 16 bits, and of their upper bytes alone
  };
  HADAMRNN_INLINE static reg load(const T* p) { return _mm256_loadu_si256(reinterpret_cast<const reg*>(p)); }
  HADAMRNN_INLINE static reg set(T x) { return _mm256_set1_epi8(char(x)); }
  HADAMRNN_INLINE static reg and_(reg x, reg y) { return _mm256_and_si256(x, y); }
  HADAMRNN_INLINE static reg or_(reg x, reg y) { return _mm256_or_si256(x, y); }
  HADAMRNN_INLINE static reg xor_(reg x, reg y) { return _mm256_xor_si256(x, y); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm256_add_epi8(x, y); }
  HADAMRNN_INLINE static reg low(reg x) { return and_(x, set(15)); }
  HADAMRNN_INLINE static reg high(reg x) { return and_(_mm256_srli_epi16(x, 4), set(15)); }
  HADAMRNN_INLINE static Table table(const T* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  HADAMRNN_INLINE static reg look_up(Table t, reg i) { return _mm256_shuffle_epi8(t, i); }
  HADAMRNN_INLINE static reg count(reg x) {
    const reg bits = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                      0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    return add(look_up(bits, low(x)), look_up(bits, high(x)));
  }
  HADAMRNN_INLINE static Sums no_sums() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  HADAMRNN_INLINE static void accumulate(Sums& s, reg x) {
    s.pairs = _mm256_add_epi16(s.pairs, x);
    s.odd = _mm256_add_epi16(s.odd, _mm256_srli_epi16(x, 8));
  }
  HADAMRNN_INLINE static void store_sums(uint16_t* y, const Sums& s) {
    const reg even = _mm256_sub_epi16(s.pairs, _mm256_slli_epi16(s.odd, 8));
    const reg first = _mm256_unpacklo_epi16(even, s.odd), second = _mm256_unpackhi_epi16(even, s.odd);
    _mm256_storeu_si256(reinterpret_cast<reg*>(y), _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(reinterpret_cast<reg*>(y + 16), _mm256_permute2x128_si256(first, second, 0x31));
  }
  // 16 sums: bias and each z_j whose bit j of the index is set; lower 7 bits, then the upper ones.
  HADAMRNN_INLINE static void store_table(const int16_t* z, int32_t bias, T* t) {
    const auto term = [z](int j, reg bit) { return and_(_mm256_set1_epi16(z[j]), bit); };
    const reg odd = _mm256_set1_epi32(int(0xFFFF0000u)), odd2 = _mm256_set1_epi64x(int64_t(0xFFFFFFFF00000000u));
    const reg odd4 = _mm256_setr_epi64x(0, -1, 0, -1), odd8 = _mm256_setr_epi64x(0, 0, -1, -1);
    const reg pair = _mm256_add_epi16(term(0, odd), term(1, odd2));
    const reg rest = _mm256_add_epi16(term(2, odd4), term(3, odd8));
    const reg sum = _mm256_add_epi16(_mm256_add_epi16(pair, rest), _mm256_set1_epi16(int16_t(bias)));
    const reg digits = _mm256_packus_epi16(and_(sum, _mm256_set1_epi16(127)), _mm256_srli_epi16(sum, 7));
    _mm256_storeu_si256(reinterpret_cast<reg*>(t), _mm256_permute4x64_epi64(digits, 0xD8));
  }
};

using SignCounter = U8;

}  // namespace avx2
}  // namespace hadamrnn
