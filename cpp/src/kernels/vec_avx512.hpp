// AVX-512. A butterfly inside a register is one permutation and one fused multiply-add by +-1,
// which rounds once exactly as the add or subtract that it stands for.
#pragma once

#include <immintrin.h>

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace avx512 {

// Bits 16 i .. 16 i + 15 of a word, as the mask of register i of a strip of 64.
HADAMRNN_INLINE __mmask16 lane_mask(const uint64_t* word, int i) { return __mmask16(*word >> (16 * i)); }

struct F32 {
  using T = float;
  using reg = __m512;
  static constexpr int W = 16;
  static constexpr int tile_regs = 16;
  static constexpr int recur_regs = tile_regs;
  static constexpr int pass_regs = tile_regs;
  static constexpr int project_regs = 4;  // of units, for each of four steps
  static constexpr int max_radix_log2 = 4;

  HADAMRNN_INLINE static reg load(const float* p) { return _mm512_loadu_ps(p); }
  HADAMRNN_INLINE static void store(float* p, reg x) { _mm512_storeu_ps(p, x); }
  HADAMRNN_INLINE static reg set(float x) { return _mm512_set1_ps(x); }
  HADAMRNN_INLINE static reg spread(const float* p) { return _mm512_set1_ps(*p); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm512_add_ps(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return _mm512_sub_ps(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return _mm512_mul_ps(x, y); }
  HADAMRNN_INLINE static reg div(reg x, reg y) { return _mm512_div_ps(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, float s) { return _mm512_fmadd_ps(y, set(s), acc); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    const reg sign = _mm512_mask_blend_ps(S == 1   ? 0xAAAA
                                          : S == 2 ? 0xCCCC
                                          : S == 4 ? 0xF0F0
                                                   : 0xFF00,
                                          set(1.0f), set(-1.0f));
    reg y;
    if constexpr (S == 1) y = _mm512_permute_ps(x, 0xB1);
    if constexpr (S == 2) y = _mm512_permute_ps(x, 0x4E);
    if constexpr (S == 4) y = _mm512_shuffle_f32x4(x, x, 0xB1);
    if constexpr (S == 8) y = _mm512_shuffle_f32x4(x, x, 0x4E);
    return _mm512_fmadd_ps(x, sign, y);
  }

  HADAMRNN_INLINE static reg fma(reg x, reg y, reg z) { return _mm512_fmadd_ps(x, y, z); }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return _mm512_max_ps(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return _mm512_min_ps(x, y); }
  HADAMRNN_INLINE static reg scale2(reg x, reg k) {
    const __m512i power = _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(k), _mm512_set1_epi32(127)), 23);
    return mul(x, _mm512_castsi512_ps(power));
  }
  // Where x is positive or NaN.
  HADAMRNN_INLINE static __mmask16 positive(reg x) { return _mm512_cmp_ps_mask(x, set(0), _CMP_NLE_UQ); }
  HADAMRNN_INLINE static reg relu(reg z) { return _mm512_maskz_mov_ps(positive(z), z); }
  // 1 for z > 0, else 0; NaN stays NaN.
  HADAMRNN_INLINE static reg indicator(reg z) {
    return _mm512_mask_mov_ps(_mm512_maskz_mov_ps(positive(z), set(1)), _mm512_cmp_ps_mask(z, z, _CMP_UNORD_Q), z);
  }
  HADAMRNN_INLINE static reg sign(reg z) {
    const reg one = _mm512_mask_blend_ps(_mm512_cmp_ps_mask(z, set(0), _CMP_GE_OQ), set(-1), set(1));
    return _mm512_mask_mov_ps(one, _mm512_cmp_ps_mask(z, z, _CMP_UNORD_Q), z);
  }
  HADAMRNN_INLINE static reg modrelu(reg z, reg a) {
    const reg t = add(_mm512_abs_ps(z), a);
    const __mmask16 on = positive(t) & _mm512_cmp_ps_mask(z, set(0), _CMP_NEQ_UQ);
    return _mm512_maskz_or_ps(on, t, _mm512_and_ps(z, set(-0.0f)));
  }
  HADAMRNN_INLINE static reg keep_positive(reg x, reg h) { return _mm512_maskz_mov_ps(positive(h), x); }
  HADAMRNN_INLINE static reg add_positive(reg acc, reg x, reg h) {
    return _mm512_mask_add_ps(acc, positive(h), acc, x);
  }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg h) {
    const reg flipped = _mm512_xor_ps(x, _mm512_and_ps(h, set(-0.0f)));
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(h, set(0), _CMP_NEQ_UQ), flipped);
  }
  HADAMRNN_INLINE static reg negated(reg x, const uint64_t* negative, int i) {
    return _mm512_mask_xor_ps(x, lane_mask(negative, i), x, set(-0.0f));
  }
  HADAMRNN_INLINE static reg add_negated(reg acc, reg x, const uint64_t* negative, int i) {
    return add(acc, negated(x, negative, i));
  }
  HADAMRNN_INLINE static reg add_masked(reg acc, reg x, const uint64_t* nonzero, const uint64_t* negative, int i) {
    return _mm512_mask_add_ps(acc, lane_mask(nonzero, i), acc, negated(x, negative, i));
  }
  HADAMRNN_INLINE static uint64_t negative_mask(reg x) { return _mm512_cmp_ps_mask(x, set(0), _CMP_LT_OQ); }

  // (a, b, c, d), each 4 partial sums -> their sums (x0 + x2) + (x1 + x3) in one register.
  HADAMRNN_INLINE static __m128 sum4(__m128 a, __m128 b, __m128 c, __m128 d) {
    const __m128 ab = _mm_add_ps(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a));
    const __m128 cd = _mm_add_ps(_mm_movelh_ps(c, d), _mm_movehl_ps(d, c));
    return _mm_add_ps(_mm_shuffle_ps(ab, cd, 0x88), _mm_shuffle_ps(ab, cd, 0xDD));
  }
  HADAMRNN_INLINE static __m128 sum16to4(reg x) {
    const __m256 p8 = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    return _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
  }
  HADAMRNN_INLINE static void reduce4(reg (*acc)[1], float* out) {
    _mm_storeu_ps(out, sum4(sum16to4(acc[0][0]), sum16to4(acc[1][0]), sum16to4(acc[2][0]), sum16to4(acc[3][0])));
  }
};

struct I32 {
  using T = int32_t;
  using reg = __m512i;
  static constexpr int W = 16;
  static constexpr int tile_regs = 16;
  static constexpr int recur_regs = tile_regs;
  static constexpr int pass_regs = tile_regs;
  static constexpr int max_radix_log2 = 4;

  HADAMRNN_INLINE static reg load(const T* p) { return _mm512_loadu_si512(p); }
  HADAMRNN_INLINE static void store(T* p, reg x) { _mm512_storeu_si512(p, x); }
  HADAMRNN_INLINE static reg set(T x) { return _mm512_set1_epi32(x); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm512_add_epi32(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return _mm512_sub_epi32(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return _mm512_mullo_epi32(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, T s) { return add(acc, mul(y, set(s))); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    constexpr __mmask16 high = S == 1 ? 0xAAAA : S == 2 ? 0xCCCC : S == 4 ? 0xF0F0 : 0xFF00;
    reg y;
    if constexpr (S == 1) y = _mm512_shuffle_epi32(x, _MM_PERM_ENUM(0xB1));
    if constexpr (S == 2) y = _mm512_shuffle_epi32(x, _MM_PERM_ENUM(0x4E));
    if constexpr (S == 4) y = _mm512_shuffle_i32x4(x, x, 0xB1);
    if constexpr (S == 8) y = _mm512_shuffle_i32x4(x, x, 0x4E);
    return _mm512_mask_sub_epi32(add(x, y), high, y, x);
  }
  HADAMRNN_INLINE static reg negated(reg x, const uint64_t* negative, int i) {
    return _mm512_mask_sub_epi32(x, lane_mask(negative, i), _mm512_setzero_si512(), x);
  }
  HADAMRNN_INLINE static reg add_negated(reg acc, reg x, const uint64_t* negative, int i) {
    return add(acc, negated(x, negative, i));
  }
  HADAMRNN_INLINE static reg add_masked(reg acc, reg x, const uint64_t* nonzero, const uint64_t* negative, int i) {
    return _mm512_mask_add_epi32(acc, lane_mask(nonzero, i), acc, negated(x, negative, i));
  }
  HADAMRNN_INLINE static uint64_t negative_mask(reg x) { return _mm512_movepi32_mask(x); }

  HADAMRNN_INLINE static reg load_codes(const int8_t* p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return _mm512_max_epi32(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return _mm512_min_epi32(x, y); }
  HADAMRNN_INLINE static reg relu(reg z) { return max(z, set(0)); }
  HADAMRNN_INLINE static reg indicator(reg z) { return min(relu(z), set(1)); }
  HADAMRNN_INLINE static reg sign(reg z) { return _mm512_or_si512(_mm512_srai_epi32(z, 31), set(1)); }
  HADAMRNN_INLINE static reg modrelu(reg z, reg a) {
    const reg flip = _mm512_srai_epi32(z, 31);  // all ones: t -> ~t + 1
    const reg t = max(add(_mm512_abs_epi32(z), a), set(0));
    return _mm512_maskz_mov_epi32(_mm512_test_epi32_mask(z, z), sub(_mm512_xor_si512(t, flip), flip));
  }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg u) { return mul(x, u); }  // u is 1, -1 or 0
  HADAMRNN_INLINE static reg mul_high(reg x, reg y) {                      // y the same in all lanes
    const reg even = odd_lanes(_mm512_mul_epi32(x, y));
    return _mm512_mask_blend_epi32(0xAAAA, even, _mm512_mul_epi32(odd_lanes(x), y));
  }
  HADAMRNN_INLINE static reg mul_high_each(reg x, reg y) {
    const reg even = odd_lanes(_mm512_mul_epi32(x, y));
    return _mm512_mask_blend_epi32(0xAAAA, even, _mm512_mul_epi32(odd_lanes(x), odd_lanes(y)));
  }
  HADAMRNN_INLINE static reg add_saturated(reg x, reg y) { return add(x, y); }
  HADAMRNN_INLINE static reg shift_left(reg x, int s) { return _mm512_sll_epi32(x, _mm_cvtsi32_si128(s)); }
  HADAMRNN_INLINE static reg shift_right_each(reg x, reg s) { return _mm512_srav_epi32(x, s); }
  HADAMRNN_INLINE static reg add_pair(reg acc, const int16_t* w, int32_t pair) {
    return add(acc, _mm512_madd_epi16(_mm512_loadu_si512(w), set(pair)));
  }
  HADAMRNN_INLINE static reg from_float(F32::reg x) { return _mm512_cvtps_epi32(x); }  // whole numbers
  HADAMRNN_INLINE static __m512 to_float(reg x) { return _mm512_cvtepi32_ps(x); }
  HADAMRNN_INLINE static reg load_short(const int16_t* p) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  HADAMRNN_INLINE static reg add_products(reg acc, const int16_t* x, const int16_t* y) {
    return add(acc, _mm512_madd_epi16(_mm512_loadu_si512(x), _mm512_loadu_si512(y)));
  }
  HADAMRNN_INLINE static void store_short(int16_t* p, reg x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x));
  }
  HADAMRNN_INLINE static reg shift_right(reg x, int s) { return _mm512_sra_epi32(x, _mm_cvtsi32_si128(s)); }
  // 64-bit integers of the even and of the odd lanes.
  struct wide {
    reg even, odd;
  };
  HADAMRNN_INLINE static reg odd_lanes(reg x) { return _mm512_srli_epi64(x, 32); }
  HADAMRNN_INLINE static wide mul_wide(reg x, reg y) {
    return {_mm512_mul_epi32(x, y), _mm512_mul_epi32(odd_lanes(x), odd_lanes(y))};
  }
  HADAMRNN_INLINE static wide widen_unsigned(reg x) { return {_mm512_maskz_mov_epi32(0x5555, x), odd_lanes(x)}; }
  HADAMRNN_INLINE static wide set_wide(int64_t x) { return {_mm512_set1_epi64(x), _mm512_set1_epi64(x)}; }
  HADAMRNN_INLINE static wide add_wide(wide x, wide y) {
    return {_mm512_add_epi64(x.even, y.even), _mm512_add_epi64(x.odd, y.odd)};
  }
  HADAMRNN_INLINE static wide shift_left(wide x, int s) {
    const __m128i count = _mm_cvtsi32_si128(s);
    return {_mm512_sll_epi64(x.even, count), _mm512_sll_epi64(x.odd, count)};
  }
  // The lower 32 bits of x >> s, s <= 30: no matter then whether the shift is arithmetic.
  HADAMRNN_INLINE static reg shift_right(wide x, int s) {
    const reg even = _mm512_srl_epi64(x.even, _mm_cvtsi32_si128(s));
    return _mm512_mask_blend_epi32(0xAAAA, even, _mm512_sll_epi64(x.odd, _mm_cvtsi32_si128(32 - s)));
  }
};

struct I16 {
  using T = int16_t;
  using reg = __m512i;
  static constexpr int W = 32;
  static constexpr int tile_regs = 16;
  static constexpr int pass_regs = tile_regs;
  static constexpr int max_radix_log2 = 4;

  HADAMRNN_INLINE static reg load(const T* p) { return _mm512_loadu_si512(p); }
  HADAMRNN_INLINE static void store(T* p, reg x) { _mm512_storeu_si512(p, x); }
  HADAMRNN_INLINE static reg set(T x) { return _mm512_set1_epi16(x); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm512_add_epi16(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return _mm512_sub_epi16(x, y); }
  HADAMRNN_INLINE static reg mul(reg x, reg y) { return _mm512_mullo_epi16(x, y); }
  HADAMRNN_INLINE static reg add_signed(reg acc, reg y, T s) { return add(acc, mul(y, set(s))); }
  template <int S>
  HADAMRNN_INLINE static reg butterfly(reg x) {
    constexpr __mmask32 high = S == 1   ? 0xAAAAAAAA
                               : S == 2 ? 0xCCCCCCCC
                               : S == 4 ? 0xF0F0F0F0
                               : S == 8 ? 0xFF00FF00
                                        : 0xFFFF0000;
    reg y;
    if constexpr (S == 1) y = _mm512_rol_epi32(x, 16);
    if constexpr (S == 2) y = _mm512_shuffle_epi32(x, _MM_PERM_ENUM(0xB1));
    if constexpr (S == 4) y = _mm512_shuffle_epi32(x, _MM_PERM_ENUM(0x4E));
    if constexpr (S == 8) y = _mm512_shuffle_i32x4(x, x, 0xB1);
    if constexpr (S == 16) y = _mm512_shuffle_i32x4(x, x, 0x4E);
    return _mm512_mask_sub_epi16(add(x, y), high, y, x);
  }
};

// Recurrences of 16-bit lanes.
struct Narrow : I16 {
  static constexpr int tile_regs = 8;  // 256 elements, the largest block of such lanes
  static constexpr int pass_regs = tile_regs;
  static constexpr int recur_regs = tile_regs;

  HADAMRNN_INLINE static reg shift_left(reg x, int s) { return _mm512_sll_epi16(x, _mm_cvtsi32_si128(s)); }
  HADAMRNN_INLINE static reg shift_right(reg x, int s) { return _mm512_sra_epi16(x, _mm_cvtsi32_si128(s)); }
  HADAMRNN_INLINE static reg mul_high_each(reg x, reg y) { return _mm512_mulhi_epi16(x, y); }
  HADAMRNN_INLINE static reg add_saturated(reg x, reg y) { return _mm512_adds_epi16(x, y); }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return _mm512_max_epi16(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return _mm512_min_epi16(x, y); }
  HADAMRNN_INLINE static reg relu(reg z) { return max(z, set(0)); }
  HADAMRNN_INLINE static reg indicator(reg z) { return min(relu(z), set(1)); }
};

struct Short : I16 {
  using T = int32_t;
  static constexpr int tile_regs = 4;  // 128 elements, the largest block of 16-bit lanes
  static constexpr int pass_regs = tile_regs;
  static constexpr int recur_regs = tile_regs;

  // Two registers of 32 bits; their lanes alternate in groups of four.
  HADAMRNN_INLINE static reg join(reg low, reg high) { return _mm512_packs_epi32(low, high); }
  HADAMRNN_INLINE static void split(reg x, reg& low, reg& high) {
    low = _mm512_srai_epi32(_mm512_unpacklo_epi16(x, x), 16);
    high = _mm512_srai_epi32(_mm512_unpackhi_epi16(x, x), 16);
  }
  HADAMRNN_INLINE static reg load(const T* p) { return join(I32::load(p), I32::load(p + 16)); }
  HADAMRNN_INLINE static void store(T* p, reg x) {
    reg low, high;
    split(x, low, high);
    I32::store(p, low);
    I32::store(p + 16, high);
  }
  HADAMRNN_INLINE static reg mul_sign(reg x, reg u) { return mul(x, u); }
  // floor(x factor / 2^16), factor < 2^31 - 2^15, in 32 bits.
  HADAMRNN_INLINE static void mul_factor(reg x, int32_t factor, reg& low, reg& high) {
    const reg rest = _mm512_mulhi_epi16(x, set(int16_t(factor)));
    const reg whole = _mm512_set1_epi32((1 << 16) | ((factor + (1 << 15)) >> 16));
    low = _mm512_madd_epi16(_mm512_unpacklo_epi16(x, rest), whole);
    high = _mm512_madd_epi16(_mm512_unpackhi_epi16(x, rest), whole);
  }
  HADAMRNN_INLINE static reg max(reg x, reg y) { return _mm512_max_epi16(x, y); }
  HADAMRNN_INLINE static reg min(reg x, reg y) { return _mm512_min_epi16(x, y); }
};

struct U8 {
  using T = uint8_t;
  using reg = __m512i;
  using Table = reg;  // 16 bytes, four times
  static constexpr int W = 64;
  static constexpr int rows = 1;  // registers of rows that share a table
  struct Sums {
    reg pairs, odd;  // sums of pairs of bytes as numbers of 16 bits, and of their upper bytes alone
  };
  HADAMRNN_INLINE static reg load(const T* p) { return _mm512_loadu_si512(p); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm512_add_epi8(x, y); }
  HADAMRNN_INLINE static reg low(reg x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
  HADAMRNN_INLINE static reg high(reg x) { return low(_mm512_srli_epi16(x, 4)); }
  HADAMRNN_INLINE static Table table(const T* p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  HADAMRNN_INLINE static reg look_up(Table t, reg i) { return _mm512_shuffle_epi8(t, i); }
  HADAMRNN_INLINE static Sums no_sums() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  HADAMRNN_INLINE static void accumulate(Sums& s, reg x) {
    s.pairs = _mm512_add_epi16(s.pairs, x);
    s.odd = _mm512_add_epi16(s.odd, _mm512_srli_epi16(x, 8));
  }
  HADAMRNN_INLINE static void store_sums(uint16_t* y, const Sums& s) {
    const reg even = _mm512_sub_epi16(s.pairs, _mm512_slli_epi16(s.odd, 8));
    const reg first = _mm512_unpacklo_epi16(even, s.odd), second = _mm512_unpackhi_epi16(even, s.odd);
    const reg lower = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
              upper = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_storeu_si512(y, _mm512_permutex2var_epi64(first, lower, second));
    _mm512_storeu_si512(y + 32, _mm512_permutex2var_epi64(first, upper, second));
  }
  // 16 sums: bias and each z_j whose bit j of the index is set; lower 7 bits, then the upper ones.
  HADAMRNN_INLINE static void store_table(const int16_t* z, int32_t bias, T* t) {
    const auto term = [z](int j, __m256i bit) { return _mm256_and_si256(_mm256_set1_epi16(z[j]), bit); };
    const __m256i odd = _mm256_set1_epi32(int(0xFFFF0000u)), odd2 = _mm256_set1_epi64x(int64_t(0xFFFFFFFF00000000u));
    const __m256i odd4 = _mm256_setr_epi64x(0, -1, 0, -1), odd8 = _mm256_setr_epi64x(0, 0, -1, -1);
    const __m256i pair = _mm256_add_epi16(term(0, odd), term(1, odd2));
    const __m256i rest = _mm256_add_epi16(term(2, odd4), term(3, odd8));
    const __m256i sum = _mm256_add_epi16(_mm256_add_epi16(pair, rest), _mm256_set1_epi16(int16_t(bias)));
    const __m256i low = _mm256_and_si256(sum, _mm256_set1_epi16(127));
    const __m256i digits = _mm256_packus_epi16(low, _mm256_srli_epi16(sum, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(t), _mm256_permute4x64_epi64(digits, 0xD8));
  }
};

struct U64 {
  using T = uint64_t;
  using reg = __m512i;
  using counts = __m512i;
  static constexpr int W = 8;
  static constexpr int max_counts = 1 << 20;
  HADAMRNN_INLINE static reg zero() { return _mm512_setzero_si512(); }
  HADAMRNN_INLINE static reg load(const uint64_t* p) { return _mm512_loadu_si512(p); }
  HADAMRNN_INLINE static reg set(uint64_t x) { return _mm512_set1_epi64(int64_t(x)); }
  HADAMRNN_INLINE static reg xor_(reg x, reg y) { return _mm512_xor_si512(x, y); }
  HADAMRNN_INLINE static reg add(reg x, reg y) { return _mm512_add_epi64(x, y); }
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return _mm512_sub_epi64(x, y); }
  HADAMRNN_INLINE static counts no_counts() { return zero(); }
  HADAMRNN_INLINE static counts count(counts c, reg x) { return add(c, _mm512_popcnt_epi64(x)); }
  HADAMRNN_INLINE static reg total(counts c) { return c; }
  HADAMRNN_INLINE static void store_affine(int32_t* y, int64_t c, reg s) {
    const reg r = sub(_mm512_set1_epi64(c), add(s, s));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_maskz_cvtepi64_epi32(0xFF, r));
  }
};

using SignCounter = U64;

}  // namespace avx512
}  // namespace hadamrnn
