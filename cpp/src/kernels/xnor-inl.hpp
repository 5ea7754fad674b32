// XNOR-popcount of a binary matrix with 1-bit activations, both +-1. With w = 1 for a weight of -1:
//   row.a = columns - 2 popcount(w ^ a)
// Processors that count the bits of a word do so (U64): eight rows are interleaved by word, an activation
// word is broadcast, each lane keeps the count of one row, and no horizontal sum is ever taken (which would
// double the time). AVX2 cannot count; there carry-save adders come first (U8, rows interleaved by byte).
#pragma once

#include "kernels/lookup-inl.hpp"
#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

template <class B>
void count_words(const BinaryMatrix& m, const uint64_t* activation, int32_t* y) {
  using reg = typename B::reg;
  constexpr int N = 8 / B::W;
  for (int64_t g = 0; g < m.groups; ++g) {
    const uint64_t* w = m.words8 + g * m.words * 8;
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

// Bit by bit, a + b + c = 2 carry + sum.
template <class B>
HADAMRNN_INLINE void add_bits(typename B::reg a, typename B::reg b, typename B::reg& sum, typename B::reg& carry) {
  const typename B::reg c = sum, u = B::xor_(a, b);
  carry = B::or_(B::and_(a, b), B::and_(u, c));
  sum = B::xor_(u, c);
}

// Adds the product of B::W rows and `bytes` <= row_chunk bytes of activations to y. Seven adders turn
// eight bytes of a row into one whose bits weigh eight: one look-up of bits instead of eight (Harley and
// Seal; Mula, Kurz and Lemire, "Faster population counts using AVX2 instructions", 2018).
template <class B>
HADAMRNN_INLINE void add_carry_save(const uint8_t* w, const uint8_t* a, int64_t bytes, int32_t columns, int32_t* y) {
  using reg = typename B::reg;
  const auto differ = [&](int64_t b) { return B::xor_(B::load(w + 64 * b), B::set(a[b])); };
  reg ones = B::set(0), twos = ones, fours = ones, eights = ones, rest = ones;
  int64_t b = 0;
  for (; b + 8 <= bytes; b += 8) {
    reg two[2], four[2], eight;
    HADAMRNN_UNROLL
    for (int i = 0; i < 2; ++i) {
      add_bits<B>(differ(b + 4 * i), differ(b + 4 * i + 1), ones, two[0]);
      add_bits<B>(differ(b + 4 * i + 2), differ(b + 4 * i + 3), ones, two[1]);
      add_bits<B>(two[0], two[1], twos, four[i]);
    }
    add_bits<B>(four[0], four[1], fours, eight);
    eights = B::add(eights, B::count(eight));
  }
  for (; b < bytes; ++b) rest = B::add(rest, B::count(differ(b)));
  typename B::Sums low = B::no_sums(), high = B::no_sums();
  const reg two = B::count(twos), four = B::add(B::count(fours), B::count(fours));
  B::accumulate(low, B::add(B::add(rest, B::count(ones)), B::add(B::add(two, two), B::add(four, four))));
  B::accumulate(high, eights);
  add_sums<B, 3>(low, high, columns, 0, y);
}

template <class B>
void xnor_signs(const BinaryMatrix& m, const uint64_t* activation, int32_t* y) {
  if constexpr (sizeof(typename B::T) == 8) {
    count_words<B>(m, activation, y);
  } else {
    const uint8_t* a = reinterpret_cast<const uint8_t*>(activation);  // little endian
    for (int64_t i = 0; i < 64 * m.strips; ++i) y[i] = 0;
    for (int64_t first = 0; first < m.bytes; first += row_chunk) {
      const int64_t bytes = m.bytes - first < row_chunk ? m.bytes - first : row_chunk;
      const int64_t columns = m.columns - 8 * first < 8 * bytes ? m.columns - 8 * first : 8 * bytes;
      for (int64_t i = 0; i < 64 * m.strips; i += B::W) {
        const uint8_t* w = m.bytes64 + (i / 64 * m.bytes + first) * 64 + i % 64;
        add_carry_save<B>(w, a + first, bytes, int32_t(columns), y + i);
      }
    }
  }
}

template <class V>
void pack_signs(const typename V::T* x, int64_t n, uint64_t* words) {
  for (int64_t j = 0; j < n; j += 64) {
    uint64_t bits = 0;
    for (int64_t i = 0; i < 64 && j + i < n; i += V::W) bits |= V::negative_mask(V::load(x + j + i)) << i;
    words[j / 64] = bits;
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
