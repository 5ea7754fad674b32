// The readout of training, its gradients, and the softmax of its loss, over rows of a few dozen time
// steps that stay in cache. Tiles of registers share each load; these may contract multiply and add.
// Logits and their gradients lie by output, y[k*stride + t], so that the softmax's lanes run over time.
#pragma once

#include "kernels/linear-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// Calls f.run<size>(first) for groups of at most G of `count` outputs, as even as can be: 9 are 3 + 3 + 3.
template <int G, class F>
HADAMRNN_INLINE void run_group(int64_t size, int64_t first, const F& f) {
  if constexpr (G > 1) {
    if (size < G) return run_group<G - 1>(size, first, f);
  }
  f.template run<G>(first);
}

template <int G, class F>
HADAMRNN_INLINE void in_groups(int64_t count, const F& f) {
  int64_t first = 0;
  for (int64_t left = (count + G - 1) / G; left > 0; --left) {
    const int64_t size = (count - first) / left;
    run_group<G>(size, first, f);
    first += size;
  }
}

// K outputs from k on, of R rows at a time; see logits.
template <class V>
struct Logits {
  const float *weight, *bias, *h;
  int64_t n, rows, stride;
  float* y;

  template <int K>
  void run(int64_t k) const {
    int64_t t = 0;
    for (; t + 4 <= rows; t += 4) tile<K, 4>(k, t);
    for (; t < rows; ++t) tile<K, 1>(k, t);
  }

  template <int K, int R>
  HADAMRNN_INLINE void tile(int64_t k, int64_t t) const {
    using reg = typename V::reg;
    constexpr int A = int(lane_group) / V::W;
    const float *w = weight + k * n, *x = h + t * n;
    reg acc[K][4][A];  // only [..][r < R][0] is summed up; the rest are the zeros that reduce4 wants
    HADAMRNN_UNROLL
    for (int i = 0; i < K * 4 * A; ++i) acc[i / (4 * A)][i / A % 4][i % A] = V::set(0);
    for (int64_t j = 0; j < n; j += V::W) {
      reg c[K];
      HADAMRNN_UNROLL
      for (int i = 0; i < K; ++i) c[i] = V::load(w + i * n + j);
      HADAMRNN_UNROLL
      for (int r = 0; r < R; ++r) {
        const reg v = rectified<V>(V::load(x + r * n + j));
        HADAMRNN_UNROLL
        for (int i = 0; i < K; ++i) acc[i][r][0] = V::fma(v, c[i], acc[i][r][0]);
      }
    }
    HADAMRNN_UNROLL
    for (int i = 0; i < K; ++i) {
      float sums[4];
      V::reduce4(acc[i], sums);
      HADAMRNN_UNROLL
      for (int r = 0; r < R; ++r) y[(k + i) * stride + t + r] = sums[r] + bias[k + i];
    }
  }
};

// y_t = weight relu(h_t) + bias: (rows, n) -> (o, rows).
template <class V>
void logits(const float* weight, const float* bias, const float* h, int64_t n, int64_t o, int64_t rows, float* y,
            int64_t stride) {
  in_groups<3>(o, Logits<V>{weight, bias, h, n, rows, stride, y});
}

// K outputs from k on, M registers of units at a time; see outer.
template <class V, bool rectify>
struct Outer {
  const float *a, *b;
  int64_t step, stride, n, steps;
  float* out;

  template <int K>
  void run(int64_t k) const {
    int64_t j = 0;
    for (; j + 2 * V::W <= n; j += 2 * V::W) tile<K, 2>(k, j);
    for (; j < n; j += V::W) tile<K, 1>(k, j);
  }

  template <int K, int M>
  HADAMRNN_INLINE void tile(int64_t k, int64_t j) const {
    using reg = typename V::reg;
    const float *factor = a + k * stride, *row = b + j;
    float* sums = out + k * n + j;
    reg acc[K][M];
    HADAMRNN_UNROLL
    for (int i = 0; i < K * M; ++i) acc[i / M][i % M] = V::load(sums + i / M * n + i % M * V::W);
    for (int64_t t = 0; t < steps; ++t, factor += step, row += n) {
      reg x[M];
      HADAMRNN_UNROLL
      for (int m = 0; m < M; ++m) x[m] = rectify ? rectified<V>(V::load(row + m * V::W)) : V::load(row + m * V::W);
      HADAMRNN_UNROLL
      for (int i = 0; i < K; ++i) {
        const reg c = V::set(factor[i * stride]);
        HADAMRNN_UNROLL
        for (int m = 0; m < M; ++m) acc[i][m] = V::fma(x[m], c, acc[i][m]);
      }
    }
    HADAMRNN_UNROLL
    for (int i = 0; i < K * M; ++i) V::store(sums + i / M * n + i % M * V::W, acc[i / M][i % M]);
  }
};

// out[k] += sum_t a[t*step + k*stride] * f(b_t), f = relu if `rectify`: (steps, n) -> (count, n).
template <class V>
void outer(const float* a, int64_t step, int64_t stride, const float* b, int64_t n, int64_t count, int64_t steps,
           bool rectify, float* out) {
  if (rectify) {
    in_groups<5>(count, Outer<V, true>{a, b, step, stride, n, steps, out});
  } else {
    in_groups<5>(count, Outer<V, false>{a, b, step, stride, n, steps, out});
  }
}

// R steps and M registers of units at j; see readout_back.
template <class V, int R, int M>
HADAMRNN_INLINE void readout_back_tile(const float* weight, const float* h, const float* dy, int64_t stride, int64_t n,
                                       int64_t o, float* grad) {
  using reg = typename V::reg;
  reg acc[R][M];
  HADAMRNN_UNROLL
  for (int i = 0; i < R * M; ++i) acc[i / M][i % M] = V::set(0);
  for (int64_t k = 0; k < o; ++k) {
    reg w[M];
    HADAMRNN_UNROLL
    for (int m = 0; m < M; ++m) w[m] = V::load(weight + k * n + m * V::W);
    HADAMRNN_UNROLL
    for (int r = 0; r < R; ++r) {
      const reg factor = V::set(dy[k * stride + r]);
      HADAMRNN_UNROLL
      for (int m = 0; m < M; ++m) acc[r][m] = V::fma(w[m], factor, acc[r][m]);
    }
  }
  HADAMRNN_UNROLL
  for (int i = 0; i < R * M; ++i) {
    const int64_t at = i / M * n + i % M * V::W;
    V::store(grad + at, V::keep_positive(acc[i / M][i % M], V::load(h + at)));
  }
}

template <class V, int M>
HADAMRNN_INLINE void readout_back_units(const float* weight, const float* h, const float* dy, int64_t stride, int64_t n,
                                        int64_t o, int64_t steps, float* grad) {
  int64_t t = 0;
  for (; t + 4 <= steps; t += 4) readout_back_tile<V, 4, M>(weight, h + t * n, dy + t, stride, n, o, grad + t * n);
  for (; t < steps; ++t) readout_back_tile<V, 1, M>(weight, h + t * n, dy + t, stride, n, o, grad + t * n);
}

// grad_t = relu'(h_t) * (weight^T dy_t): (o, steps) -> (steps, n).
template <class V>
void readout_back(const float* weight, const float* h, const float* dy, int64_t stride, int64_t n, int64_t o,
                  int64_t steps, float* grad) {
  int64_t j = 0;
  for (; j + 2 * V::W <= n; j += 2 * V::W) {
    readout_back_units<V, 2>(weight + j, h + j, dy, stride, n, o, steps, grad + j);
  }
  for (; j < n; j += V::W) readout_back_units<V, 1>(weight + j, h + j, dy, stride, n, o, steps, grad + j);
}

// exp(x) for x <= 0, to about one unit in the last place: 2^k times a polynomial on [-ln2/2, ln2/2].
// NaN stays NaN: V::max returns its second operand where that is NaN.
template <class V>
HADAMRNN_INLINE typename V::reg exp_negative(typename V::reg x) {
  using reg = typename V::reg;
  x = V::max(V::set(-87.0f), x);          // exp(-87) is the smallest normal power; below, probabilities vanish
  const reg magic = V::set(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const reg k = V::sub(V::fma(x, V::set(1.44269504f), magic), magic);
  reg r = V::fma(k, V::set(-0.693359375f), x);
  r = V::fma(k, V::set(2.12194440e-4f), r);
  reg p = V::set(1.9875691500e-4f);
  p = V::fma(p, r, V::set(1.3981999507e-3f));
  p = V::fma(p, r, V::set(8.3334519073e-3f));
  p = V::fma(p, r, V::set(4.1665795894e-2f));
  p = V::fma(p, r, V::set(1.6666665459e-1f));
  p = V::fma(p, r, V::set(5.0000001201e-1f));
  p = V::fma(V::mul(p, r), r, V::add(r, V::set(1.0f)));
  return V::scale2(p, k);
}

// Softmax of `steps` rows of o logits, in place; `peak` receives the maxima and `sum` the sums of exp(y - max).
// steps is padded to a multiple of 16.
template <class V>
void softmax(float* y, int64_t stride, int64_t o, int64_t steps, float* peak, float* sum) {
  using reg = typename V::reg;
  float scale[V::W];
  for (int64_t t = 0; t < steps; t += V::W) {
    reg top = V::load(y + t);
    for (int64_t k = 1; k < o; ++k) top = V::max(top, V::load(y + k * stride + t));
    reg total = V::set(0);
    for (int64_t k = 0; k < o; ++k) {
      const reg e = exp_negative<V>(V::sub(V::load(y + k * stride + t), top));
      V::store(y + k * stride + t, e);
      total = V::add(total, e);
    }
    V::store(peak + t, top);
    V::store(sum + t, total);
    for (int i = 0; i < V::W; ++i) scale[i] = 1 / sum[t + i];
    const reg factor = V::load(scale);
    for (int64_t k = 0; k < o; ++k) V::store(y + k * stride + t, V::mul(factor, V::load(y + k * stride + t)));
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
