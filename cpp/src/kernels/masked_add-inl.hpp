// Product with a ternary matrix: +x, -x or nothing, chosen by bit masks, in order of the columns.
// A strip of 64 outputs keeps its sums in registers and lists only the columns that it uses, so the
// cost follows the non-zero columns of the strips.
#pragma once

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// Registers `first` .. first + N - 1 of a strip.
template <class V, int N>
HADAMRNN_INLINE void masked_add_strip(const TernaryMatrix& m, int64_t s, int first, const typename V::T* x,
                                      typename V::T* y) {
  using reg = typename V::reg;
  reg acc[N];
  HADAMRNN_UNROLL
  for (int i = 0; i < N; ++i) acc[i] = V::set(0);
  for (int64_t e = m.begin[s]; e < m.begin[s + 1]; ++e) {
    const reg value = V::set(x[m.column[e]]);
    const uint64_t* nonzero = m.nonzero + e;
    const uint64_t* negative = m.negative + e;
    if (*nonzero == ~uint64_t(0)) {  // binary matrices, and the inside of dense blocks
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) acc[i] = V::add_negated(acc[i], value, negative, first + i);
    } else {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) acc[i] = V::add_masked(acc[i], value, nonzero, negative, first + i);
    }
  }
  HADAMRNN_UNROLL
  for (int i = 0; i < N; ++i) V::store(y + 64 * s + (first + i) * V::W, acc[i]);
}

// Half a strip at a time where the whole one and its masks do not fit the registers.
template <class V>
void masked_add(const TernaryMatrix& m, const typename V::T* x, typename V::T* y) {
  constexpr int N = 64 / V::W, half = N == 8 ? N / 2 : N;
  for (int64_t s = 0; s < m.strips; ++s) {
    masked_add_strip<V, half>(m, s, 0, x, y);
    if constexpr (half < N) masked_add_strip<V, half>(m, s, half, x, y);
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
