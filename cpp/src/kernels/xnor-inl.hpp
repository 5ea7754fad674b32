// XNOR-popcount of a binary matrix with packed activations. Eight rows are interleaved by 64-bit
// word: an activation word is broadcast, each lane keeps the sum of one row, and no horizontal sum
// is ever taken (which would double the time).
//
// With w = 1 for a weight of -1:   +-1 activations   row.a = columns - 2 popcount(w ^ a)
//   bit planes z = -2^(k-1) z_(k-1) + sum 2^b z_b    row.z = sum_b c_b (popcount(z_b) - 2 popcount(w & z_b))
#pragma once

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

HADAMRNN_INLINE int popcount64(uint64_t x) {
  x = x - ((x >> 1) & 0x5555555555555555u);
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  return int((x * 0x0101010101010101u) >> 56);
}

template <class B>
void xnor(const BinaryMatrix& m, const uint64_t* activation, int32_t* y) {
  using reg = typename B::reg;
  constexpr int N = 8 / B::W;
  for (int64_t g = 0; g < m.groups; ++g) {
    const uint64_t* w = m.bits + g * m.words * 8;
    reg sum[N];
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) sum[i] = B::zero();
    for (int64_t k = 0; k < m.words; k += B::max_counts) {
      typename B::counts count[N];
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) count[i] = B::no_counts();
      const int64_t end = k + B::max_counts < m.words ? k + B::max_counts : m.words;
      for (int64_t word = k; word < end; ++word) {
        const reg a = B::set(activation[word]);
        HADAMRNN_UNROLL
        for (int i = 0; i < N; ++i) {
          count[i] = B::count(count[i], B::xor_(B::load(w + word * 8 + i * B::W), a));
        }
      }
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) sum[i] = B::add(sum[i], B::total(count[i]));
    }
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) B::store_affine(y + 8 * g + i * B::W, m.columns, sum[i]);
  }
}

// Adds to total the weighted popcounts of NW words of every plane, weights held in registers.
template <class B, int NW>
HADAMRNN_INLINE typename B::reg planes_words(const uint64_t* w, const uint64_t* planes, int64_t words, int32_t k) {
  using reg = typename B::reg;
  reg weight[NW];
  HADAMRNN_UNROLL
  for (int i = 0; i < NW; ++i) weight[i] = B::load(w + i * 8);
  reg total = B::zero();
  for (int32_t b = k - 1; b >= 0; --b) {  // Horner: the top plane counts negative
    const uint64_t* z = planes + b * words;
    typename B::counts count = B::no_counts();
    HADAMRNN_UNROLL
    for (int i = 0; i < NW; ++i) count = B::count(count, B::and_(weight[i], B::set(z[i])));
    const reg sum = B::total(count);
    total = b == k - 1 ? B::sub(B::zero(), sum) : B::add(B::add(total, total), sum);
  }
  return total;
}

template <class B>
void xnor_planes(const BinaryMatrix& m, const uint64_t* planes, int32_t k, int32_t* y) {
  using reg = typename B::reg;
  int64_t constant = 0;
  for (int32_t b = k - 1; b >= 0; --b) {
    int64_t ones = 0;
    for (int64_t i = 0; i < m.words; ++i) ones += popcount64(planes[b * m.words + i]);
    constant = b == k - 1 ? -ones : 2 * constant + ones;
  }
  for (int64_t g = 0; g < m.groups; ++g) {
    HADAMRNN_UNROLL
    for (int i = 0; i < 8 / B::W; ++i) {
      const uint64_t* w = m.bits + g * m.words * 8 + i * B::W;
      reg total = B::zero();
      int64_t word = 0;
      for (; word + B::tile_words <= m.words; word += B::tile_words) {
        total = B::add(total, planes_words<B, B::tile_words>(w + word * 8, planes + word, m.words, k));
      }
      for (; word + 2 <= m.words; word += 2) {
        total = B::add(total, planes_words<B, 2>(w + word * 8, planes + word, m.words, k));
      }
      for (; word < m.words; ++word) {
        total = B::add(total, planes_words<B, 1>(w + word * 8, planes + word, m.words, k));
      }
      B::store_affine(y + 8 * g + i * B::W, constant, total);
    }
  }
}

template <class V>
void pack_signs(const float* x, int64_t n, uint64_t* words) {
  for (int64_t j = 0; j < n; j += 64) {
    uint64_t bits = 0;
    for (int64_t i = 0; i < 64 && j + i < n; i += V::W) bits |= V::negative_mask(V::load(x + j + i)) << i;
    words[j / 64] = bits;
  }
}

template <class V>
void pack_planes(const int32_t* x, int64_t n, int32_t k, uint64_t* planes) {
  const int64_t words = (n + 63) / 64;
  for (int64_t j = 0; j < n; j += 64) {
    for (int32_t b = 0; b < k; ++b) {
      uint64_t bits = 0;
      for (int64_t i = 0; i < 64 && j + i < n; i += V::W) bits |= V::bit_mask(V::load(x + j + i), b) << i;
      planes[b * words + j / 64] = bits;
    }
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
