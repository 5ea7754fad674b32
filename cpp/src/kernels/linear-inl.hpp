// The dense float products around the recurrence, each in one fixed order of additions.
#pragma once

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

template <class V>
HADAMRNN_INLINE typename V::reg input_activation(typename V::reg z, InputActivation phi) {
  if (phi == InputActivation::relu) return V::relu(z);
  // In this order NaN passes: where one operand is NaN, these give the second.
  return phi == InputActivation::clip ? V::max(V::set(-1), V::min(V::set(1), z)) : z;
}

// v = ((w_0 x_0 + w_1 x_1) + w_2 x_2 ...) + bias for N rows and M registers of units, at which `w`, `bias` and `v`
// point: the rows share each weight, the registers each broadcast input. Panels of lane_group units hold their weights
// in the order in which they are read.
template <class V, int N, int M>
HADAMRNN_INLINE void project_tile(const float* w, const float* bias, const float* x, int64_t d, int64_t n, float* v) {
  using reg = typename V::reg;
  const auto weight = [&](int m) {
    return V::load(w + m * V::W / lane_group * lane_group * d + m * V::W % lane_group);
  };
  reg acc[N][M];
  HADAMRNN_UNROLL
  for (int a = 0; a < N * M; ++a) acc[a / M][a % M] = V::mul(weight(a % M), V::set(x[a / M * d]));
  for (int64_t j = 1; j < d; ++j) {
    ++x;
    w += lane_group;
    reg factor[M];
    HADAMRNN_UNROLL
    for (int m = 0; m < M; ++m) factor[m] = weight(m);
    HADAMRNN_UNROLL
    for (int r = 0; r < N; ++r) {
      const reg input = V::set(x[r * d]);
      HADAMRNN_UNROLL
      for (int m = 0; m < M; ++m) acc[r][m] = V::add(acc[r][m], V::mul(factor[m], input));
    }
  }
  reg last[M];
  HADAMRNN_UNROLL
  for (int m = 0; m < M; ++m) last[m] = V::load(bias + m * V::W);
  HADAMRNN_UNROLL
  for (int r = 0; r < N; ++r, v += n) {
    HADAMRNN_UNROLL
    for (int m = 0; m < M; ++m) V::store(v + m * V::W, V::add(acc[r][m], last[m]));
  }
}

// N rows at a time, of which `count` is a multiple, and M registers of units; what is left in half as many. All rows of
// a panel come one after another, so that its weights enter the first-level cache once.
template <class V, int N, int M>
void project_rows(const float* weight, const float* bias, const float* x, int64_t d, int64_t n, int64_t count,
                  int64_t units, float* v) {
  constexpr int64_t tile = M * V::W, panels = tile < lane_group ? lane_group : tile;
  for (; units >= panels; units -= panels, weight += panels * d, bias += panels, v += panels) {
    for (int64_t i = 0; i < panels; i += tile) {
      for (int64_t r = 0; r < count; r += N) {
        project_tile<V, N, M>(weight + i, bias + i, x + r * d, d, n, v + r * n + i);
      }
    }
  }
  if constexpr (tile > lane_group) {
    if (units > 0) project_rows<V, N, M / 2>(weight, bias, x, d, n, count, units, v);
  }
}

// The last four rows may repeat some of those before. Fewer rows take eight sums at a time, as an addition waits for
// the one before it.
template <class V>
void project(const float* weight, const float* bias, const float* x, int64_t d, int64_t n, int64_t count,
             InputActivation phi, float* v) {
  const int64_t last = count - 4;
  if (last < 0) {
    project_rows<V, 1, 8>(weight, bias, x, d, n, count, n, v);
  } else {
    project_rows<V, 4, V::project_regs>(weight, bias, x, d, n, count - count % 4, n, v);
    if (count % 4 != 0) project_rows<V, 4, V::project_regs>(weight, bias, x + last * d, d, n, 4, n, v + last * n);
  }
  if (phi == InputActivation::linear) return;
  for (int64_t i = 0; i < n * count; i += V::W) V::store(v + i, input_activation<V>(V::load(v + i), phi));
}

// relu of what a sum that begins with +0 takes next, in one instruction where V::relu needs two: NaN passes, being the
// second operand, and whether -0 becomes +0 makes no difference to such a sum.
template <class V>
HADAMRNN_INLINE typename V::reg rectified(typename V::reg x) {
  return V::max(V::set(0), x);
}

// y = weight relu(h) + bias for Q outputs: sixteen partial sums each whatever the register width, then a fixed tree
// (V::reduce4). Several outputs at a time share the loads of h and hide the latency of the adds.
template <class V, int Q>
HADAMRNN_INLINE void dot_rows(const float* w, const float* bias, const float* h, int64_t n, float* y) {
  using reg = typename V::reg;
  constexpr int A = int(lane_group) / V::W, padded = (Q + 3) / 4 * 4;
  reg acc[padded][A];
  HADAMRNN_UNROLL
  for (int a = 0; a < padded * A; ++a) acc[a / A][a % A] = V::set(0);
  for (int64_t j = 0; j < n; j += lane_group) {
    HADAMRNN_UNROLL
    for (int a = 0; a < A; ++a) {
      const reg r = rectified<V>(V::load(h + j + a * V::W));
      HADAMRNN_UNROLL
      for (int q = 0; q < Q; ++q) {
        acc[q][a] = V::add(acc[q][a], V::mul(r, V::load(w + q * n + j + a * V::W)));
      }
    }
  }
  float sums[padded];
  HADAMRNN_UNROLL
  for (int q = 0; q < Q; q += 4) V::reduce4(acc + q, sums + q);
  for (int q = 0; q < Q; ++q) y[q] = sums[q] + bias[q];
}

// The run-time count q of outputs, 1 to Q.
template <class V, int Q>
HADAMRNN_INLINE void dot_group(int64_t q, const float* w, const float* bias, const float* h, int64_t n, float* y) {
  if constexpr (Q > 1) {
    if (q < Q) return dot_group<V, Q - 1>(q, w, bias, h, n, y);
  }
  dot_rows<V, Q>(w, bias, h, n, y);
}

// Outputs in groups of nearly the same size, at most six: 9 = 5 + 4, where 4 + 4 + 1 took a fifth longer.
template <class V>
void readout(const float* weight, const float* bias, const float* h, int64_t n, int64_t o, int64_t count, float* y) {
  constexpr int most = 6;
  for (int64_t row = 0; row < count; ++row, h += n, y += o) {
    int64_t k = 0;
    for (int64_t groups = (o + most - 1) / most; groups > 0; --groups) {
      const int64_t q = (o - k + groups - 1) / groups;
      dot_group<V, most>(q, weight + k * n, bias + k, h, n, y + k);
      k += q;
    }
  }
}

// Whether none of n numbers, n padded, is infinite or NaN: x - x is 0 for all others, and NaN stays in a sum.
template <class V>
bool finite(const float* x, int64_t n) {
  using reg = typename V::reg;
  constexpr int A = 4;  // sums at a time, as one addition waits for the one before it
  reg sum[A];
  HADAMRNN_UNROLL
  for (int a = 0; a < A; ++a) sum[a] = V::set(0);
  int64_t j = 0;
  for (; j + A * V::W <= n; j += A * V::W) {
    HADAMRNN_UNROLL
    for (int a = 0; a < A; ++a) {
      const reg v = V::load(x + j + a * V::W);
      sum[a] = V::add(sum[a], V::sub(v, v));
    }
  }
  for (; j < n; j += V::W) {
    const reg v = V::load(x + j);
    sum[0] = V::add(sum[0], V::sub(v, v));
  }
  float lanes[V::W];
  V::store(lanes, V::add(V::add(sum[0], sum[1]), V::add(sum[2], sum[3])));
  for (int i = 0; i < V::W; ++i) {
    if (lanes[i] != 0) return false;
  }
  return true;
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
