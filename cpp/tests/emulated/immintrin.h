// Stands before the compiler's <immintrin.h> when table_avx512.cpp is compiled for the emulated test
// program: SIMDe gives the AVX-512 intrinsics in portable code, and here is what it lacks (version
// 0.7.4), by the definitions in Intel's Intrinsics Guide.
#pragma once
#pragma GCC system_header  // no warnings, as from any other intrinsics

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <stdint.h>
#include <string.h>

using __mmask16 = simde__mmask16;
using __mmask32 = simde__mmask32;

namespace emulated {

// The register x as an array of T.
template <class T, class R>
struct Lanes {
  static constexpr int count = int(sizeof(R) / sizeof(T));
  T lane[count];
  Lanes() = default;
  explicit Lanes(R x) { memcpy(lane, &x, sizeof x); }
  operator R() const {
    R x;
    memcpy(&x, lane, sizeof x);
    return x;
  }
};
using F32 = Lanes<float, __m512>;
using I64 = Lanes<int64_t, __m512i>;

// One rounding. SIMDe multiplies and adds, which would hide a kernel that contracts where the
// definition rounds twice.
inline __m512 fmadd(__m512 a, __m512 b, __m512 c) {
  const F32 x(a), y(b), z(c);
  F32 r;
  for (int i = 0; i < 16; ++i) r.lane[i] = __builtin_fmaf(x.lane[i], y.lane[i], z.lane[i]);
  return r;
}

// Rounded to the nearest whole number, ties to even.
inline __m512i to_integers(__m512 a) {
  const F32 x(a);
  Lanes<int32_t, __m512i> r;
  for (int i = 0; i < 16; ++i) r.lane[i] = int32_t(__builtin_rintf(x.lane[i]));
  return r;
}

inline __m512i widen(__m128i a) {
  const Lanes<int8_t, __m128i> x(a);
  Lanes<int32_t, __m512i> r;
  for (int i = 0; i < 16; ++i) r.lane[i] = x.lane[i];
  return r;
}

inline __m512i shift_arithmetic(__m512i a, unsigned count) {
  Lanes<int32_t, __m512i> x(a);
  for (int32_t& v : x.lane) v >>= count;
  return x;
}

inline __m512i shift_arithmetic(__m512i a, __m128i count) {
  return shift_arithmetic(a, unsigned(Lanes<int64_t, __m128i>(count).lane[0]));
}

// Each element by its own count; counts above 31 leave the sign alone.
inline __m512i shift_arithmetic_each(__m512i a, __m512i counts) {
  Lanes<int32_t, __m512i> x(a);
  const Lanes<uint32_t, __m512i> count(counts);
  for (int i = 0; i < 16; ++i) x.lane[i] >>= count.lane[i] < 32 ? count.lane[i] : 31;
  return x;
}

// The low halves of 32-bit elements.
inline __m256i low_halves(__m512i a) {
  const Lanes<uint32_t, __m512i> x(a);
  Lanes<uint16_t, __m256i> r;
  for (int i = 0; i < 16; ++i) r.lane[i] = uint16_t(x.lane[i]);
  return r;
}

// Inside each group of four 32-bit elements.
template <class R>
R permute(R a, int control) {
  const Lanes<uint32_t, R> x(a);
  Lanes<uint32_t, R> r;
  for (int i = 0; i < 16; ++i) r.lane[i] = x.lane[i / 4 * 4 + (control >> (2 * (i % 4)) & 3)];
  return r;
}

// Groups of four 32-bit elements: two chosen from a, then two from b.
template <class R>
R shuffle_groups(R a, R b, int control) {
  const Lanes<uint32_t, R> x(a), y(b);
  Lanes<uint32_t, R> r;
  for (int i = 0; i < 16; ++i) {
    const int from = (control >> (2 * (i / 4)) & 3) * 4 + i % 4;
    r.lane[i] = i < 8 ? x.lane[from] : y.lane[from];
  }
  return r;
}

inline __m512i mask_sub(__m512i from, __mmask32 mask, __m512i a, __m512i b) {
  const Lanes<uint16_t, __m512i> x(a), y(b);
  Lanes<uint16_t, __m512i> r(from);
  for (int i = 0; i < 32; ++i) {
    if (mask >> i & 1) r.lane[i] = uint16_t(x.lane[i] - y.lane[i]);
  }
  return r;
}

inline __m256 extract_half(__m512 a, int half) {
  Lanes<float, __m256> r;
  memcpy(r.lane, F32(a).lane + 8 * half, sizeof r.lane);
  return r;
}

inline __m512i widen_shorts(__m256i a) {
  const Lanes<int16_t, __m256i> x(a);
  Lanes<int32_t, __m512i> r;
  for (int i = 0; i < 16; ++i) r.lane[i] = x.lane[i];
  return r;
}

inline __m512 to_floats(__m512i a) {
  const Lanes<int32_t, __m512i> x(a);
  Lanes<float, __m512> r;
  for (int i = 0; i < 16; ++i) r.lane[i] = float(x.lane[i]);
  return r;
}

inline __m256i narrow(unsigned mask, __m512i a) {
  const I64 x(a);
  Lanes<int32_t, __m256i> r;
  for (int i = 0; i < 8; ++i) r.lane[i] = mask >> i & 1 ? int32_t(x.lane[i]) : 0;
  return r;
}

}  // namespace emulated

#undef _mm512_madd_epi16  // there, but with two arguments too many
#define _mm512_madd_epi16 simde_mm512_madd_epi16
#undef _mm512_fmadd_ps
#define _mm512_fmadd_ps emulated::fmadd
#define _mm512_cvtps_epi32 emulated::to_integers
#define _mm512_cvtepi8_epi32 emulated::widen
#define _mm512_cvtepi16_epi32 emulated::widen_shorts
#define _mm512_cvtepi32_ps emulated::to_floats
#define _mm512_sra_epi32 emulated::shift_arithmetic
#define _mm512_srai_epi32 emulated::shift_arithmetic
#define _mm512_srav_epi32 emulated::shift_arithmetic_each
#define _mm512_cvtepi32_epi16 emulated::low_halves
#define _mm512_permute_ps emulated::permute
#define _mm512_shuffle_epi32 emulated::permute
#define _mm512_shuffle_f32x4 emulated::shuffle_groups
#define _mm512_mask_sub_epi16 emulated::mask_sub
#define _mm512_extractf32x8_ps emulated::extract_half
#define _mm512_maskz_cvtepi64_epi32 emulated::narrow
#define _MM_PERM_ENUM int
