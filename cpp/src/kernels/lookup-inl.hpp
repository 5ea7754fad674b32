// XNOR-popcount of a binary matrix with k-bit activations, all bit planes at once. By bit planes,
// z = -2^(k-1) z_(k-1) + sum 2^b z_b and w = 1 for a weight of -1,
//   row.z = sum_b c_b (popcount(z_b) - 2 popcount(w & z_b)),   c_b = 2^b, the top one negative.
// Over four columns the weights are one of 16 nibbles, and sum_b c_b popcount(w & z_b) one of 16 numbers:
// a table of them costs a few instructions, and one shuffle of bytes then looks up that sum in all rows of
// a register, whatever k is (as T-MAC does: Wei et al., "T-MAC: CPU renaissance via table lookup for low-bit
// LLM deployment on edge", EuroSys 2025). A register of weights takes 15 instructions and four loads; plane by
// plane it is three a bit with VPOPCNTQ and seven or more without, and a state has 8 bits at least.
#pragma once

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// Bytes of a row summed before 16 bits could overflow: twice as many look-ups of at most 127.
constexpr int64_t row_chunk = 128;

// Twelve bits a part: 2^13 makes every sum of four of them a number of 14 bits, two digits to base 128, so
// that two look-ups may be added in a byte. A number of more bits is two parts, 256 high + low.
constexpr int32_t entry_bias = 8192;
constexpr int32_t part_bits = 12;

// y += (constant - 2 (low + 2^weight high)) 2^shift for B::W rows.
template <class B, int weight>
HADAMRNN_INLINE void add_sums(const typename B::Sums& low, const typename B::Sums& high, int32_t constant, int shift,
                              int32_t* y) {
  uint16_t l[B::W], h[B::W];
  B::store_sums(l, low);
  B::store_sums(h, high);
  for (int i = 0; i < B::W; ++i) {
    const uint32_t sum = uint32_t(constant) - 2 * (l[i] + (uint32_t(h[i]) << weight));
    y[i] = int32_t(uint32_t(y[i]) + (sum << shift));
  }
}

// N registers of rows, `bytes` <= row_chunk of each.
template <class B, int N>
HADAMRNN_INLINE void look_up_rows(const uint8_t* w, const uint8_t* tables, int64_t bytes, int32_t constant, int shift,
                                  int32_t* y) {
  using reg = typename B::reg;
  typename B::Sums sums[2][N];
  HADAMRNN_UNROLL
  for (int a = 0; a < 2 * N; ++a) sums[a / N][a % N] = B::no_sums();
  for (int64_t b = 0; b < bytes; ++b, w += 64, tables += 64) {
    reg x[N];
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) x[i] = B::load(w + i * B::W);
    HADAMRNN_UNROLL
    for (int digit = 0; digit < 2; ++digit) {
      const typename B::Table low = B::table(tables + 16 * digit), high = B::table(tables + 32 + 16 * digit);
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) {
        B::accumulate(sums[digit][i], B::add(B::look_up(low, B::low(x[i])), B::look_up(high, B::high(x[i]))));
      }
    }
  }
  HADAMRNN_UNROLL
  for (int i = 0; i < N; ++i) add_sums<B, 7>(sums[0][i], sums[1][i], constant, shift, y + i * B::W);
}

template <class B>
void xnor(const BinaryMatrix& m, const int32_t* x, int32_t k, int32_t* y) {
  constexpr int N = B::rows;
  uint8_t tables[64 * row_chunk];
  int16_t z[8 * row_chunk];
  for (int64_t i = 0; i < 64 * m.strips; ++i) y[i] = 0;
  for (int64_t first = 0; first < m.bytes; first += row_chunk) {
    const int64_t bytes = m.bytes - first < row_chunk ? m.bytes - first : row_chunk;
    const int parts = k <= part_bits ? 1 : 2;
    for (int part = 0; part < parts; ++part) {
      const int shift = 8 * part;
      const int32_t mask = part + 1 < parts ? 255 : -1;
      int32_t total = 0;
      for (int64_t j = 0; j < 8 * bytes; ++j) {
        z[j] = int16_t(x[8 * first + j] >> shift & mask);
        total += z[j];
      }
      for (int64_t j = 0; j < 8 * bytes; j += 4) B::store_table(z + j, entry_bias, tables + 8 * j);
      const int32_t constant = total + 2 * entry_bias * int32_t(2 * bytes);
      for (int64_t i = 0; i < 64 * m.strips; i += N * B::W) {
        const uint8_t* w = m.bytes64 + (i / 64 * m.bytes + first) * 64 + i % 64;
        look_up_rows<B, N>(w, tables, bytes, constant, shift, y + i);
      }
    }
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
