// The dense float products around the recurrence, each in one fixed order of additions.
#pragma once

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// v = ((w_0 x_0 + w_1 x_1) + w_2 x_2 ...) + bias, lanes over units; N rows share each weight load.
template <class V, int N>
HADAMRNN_INLINE void project_rows(const float* weight, const float* bias, const float* x, int64_t d, int64_t n,
                                  float* v) {
  using reg = typename V::reg;
  for (int64_t i = 0; i < n; i += V::W) {
    reg acc[N];
    const reg first = V::load(weight + i);
    HADAMRNN_UNROLL
    for (int r = 0; r < N; ++r) acc[r] = V::mul(first, V::set(x[r * d]));
    for (int64_t j = 1; j < d; ++j) {
      const reg w = V::load(weight + j * n + i);
      HADAMRNN_UNROLL
      for (int r = 0; r < N; ++r) acc[r] = V::add(acc[r], V::mul(w, V::set(x[r * d + j])));
    }
    const reg b = V::load(bias + i);
    HADAMRNN_UNROLL
    for (int r = 0; r < N; ++r) V::store(v + r * n + i, V::add(acc[r], b));
  }
}

template <class V>
void project(const float* weight, const float* bias, const float* x, int64_t d, int64_t n, int64_t count, float* v) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) project_rows<V, 4>(weight, bias, x + i * d, d, n, v + i * n);
  for (; i < count; ++i) project_rows<V, 1>(weight, bias, x + i * d, d, n, v + i * n);
}

// y = weight relu(h) + bias. Sixteen partial sums a dot product whatever the register width, then a
// fixed tree (V::reduce4); four outputs at a time hide the latency of the adds. `weight` has o
// rounded up to 4 rows.
template <class V>
void readout(const float* weight, const float* bias, const float* h, int64_t n, int64_t o, int64_t count, float* y) {
  using reg = typename V::reg;
  constexpr int A = int(lane_group) / V::W;
  for (int64_t row = 0; row < count; ++row, h += n, y += o) {
    for (int64_t k = 0; k < o; k += 4) {
      const float* w = weight + k * n;
      reg acc[4][A];
      HADAMRNN_UNROLL
      for (int a = 0; a < 4 * A; ++a) acc[a / A][a % A] = V::set(0);
      for (int64_t j = 0; j < n; j += lane_group) {
        HADAMRNN_UNROLL
        for (int a = 0; a < A; ++a) {
          const reg r = V::relu(V::load(h + j + a * V::W));
          HADAMRNN_UNROLL
          for (int q = 0; q < 4; ++q) {
            acc[q][a] = V::add(acc[q][a], V::mul(r, V::load(w + q * n + j + a * V::W)));
          }
        }
      }
      float sums[4];
      V::reduce4(acc, sums);
      for (int64_t q = 0; q < 4 && k + q < o; ++q) y[k + q] = sums[q] + bias[k + q];
    }
  }
}

// acc_i = ((0 + w_i0 x_0) + w_i1 x_1) ..., lanes over i; `weight` is column-major.
template <class V>
void dense(const float* weight, const float* x, int64_t columns, int64_t n, float* acc) {
  for (int64_t i = 0; i < n; i += V::W) {
    typename V::reg sum = V::set(0);
    for (int64_t j = 0; j < columns; ++j) {
      sum = V::add(sum, V::mul(V::load(weight + j * n + i), V::set(x[j])));
    }
    V::store(acc + i, sum);
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
