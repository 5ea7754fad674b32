// The passes of training around the recurrence, over rows of a few dozen time steps that stay in
// cache. Sums over time are kept in registers: lanes run over units (or over time steps in the
// loss), the inner loop over time. Unlike inference these may contract multiply and add.
#pragma once

#include "kernels/backward-inl.hpp"
#include "kernels/recur-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// dv_t = dz_t for t = steps-1 .. 0; see recur_back. Products are left to `accumulate`.
template <class V>
void back_rows(const RecurBack<typename V::T>& p, int64_t steps) {
  const int64_t n = p.geometry.size();
  for (int64_t t = steps - 1; t >= 0; --t) {
    activation_back<V>(p, p.h + t * n, p.grad_h ? p.grad_h + t * n : nullptr, p.dv + t * n, p.scratch);
    transform<V>(p.geometry, p.scratch, p.carry, p.scratch + n, true);
  }
}

// Sums over time of dv (the bias), dv * x (one input) and dv * (z - v), where z - v = su * H h_(t-1)
// needs no product again: z is h itself, but for modrelu's threshold.
template <class V, class In>
HADAMRNN_INLINE void accumulate_with(const Accumulate& p, const In& in, int64_t steps) {
  using reg = typename V::reg;
  const int64_t n = p.recur.geometry.size();
  const bool modrelu = p.recur.activation == Activation::modrelu;
  for (int64_t j = 0; j < n; j += V::W) {
    reg dsum = V::load(p.dsum + j), dbias = V::load(p.dbias + j);
    reg dweight = p.dweight ? V::load(p.dweight + j) : V::set(0);
    const reg threshold = modrelu ? V::load(p.recur.modrelu + j) : V::set(0);
    for (int64_t t = 0; t < steps; ++t) {
      const reg dv = V::load(p.dv + t * n + j);
      reg product;
      if (p.product) {
        product = V::load(p.product + t * n + j);
      } else {
        reg z = V::load(p.h + t * n + j);
        if (modrelu) z = V::sub(z, V::mul_sign(threshold, z));
        product = V::sub(z, in.at(t)(j));
      }
      dsum = V::fma(dv, product, dsum);
      dbias = V::add(dbias, dv);
      if (p.dweight) dweight = V::fma(dv, V::set(p.recur.x[t]), dweight);
    }
    V::store(p.dsum + j, dsum);
    V::store(p.dbias + j, dbias);
    if (p.dweight) V::store(p.dweight + j, dweight);
  }
}

template <class V>
void accumulate(const Accumulate& p, int64_t steps) {
  if (p.recur.x) {
    accumulate_with<V>(p, ScalarInput<V>{p.recur}, steps);
  } else {
    accumulate_with<V>(p, RowInput<V>{p.recur}, steps);
  }
}

// rows[ids[t]] += dv_t
template <class V>
void scatter_rows(const float* dv, const int32_t* ids, int64_t n, int64_t steps, float* rows) {
  for (int64_t t = 0; t < steps; ++t) {
    float* row = rows + ids[t] * n;
    for (int64_t j = 0; j < n; j += V::W) V::store(row + j, V::add(V::load(row + j), V::load(dv + t * n + j)));
  }
}

// Sums of K rows k and M registers of units at j; see outer.
template <class V, int K, int M>
HADAMRNN_INLINE void outer_tile(const float* a, const float* b, int64_t n, int64_t count, int64_t steps, bool rectify,
                                float* out) {
  using reg = typename V::reg;
  reg acc[K][M];
  HADAMRNN_UNROLL
  for (int i = 0; i < K * M; ++i) acc[i / M][i % M] = V::load(out + i / M * n + i % M * V::W);
  for (int64_t t = 0; t < steps; ++t, a += count, b += n) {
    reg x[M];
    HADAMRNN_UNROLL
    for (int m = 0; m < M; ++m) x[m] = V::load(b + m * V::W);
    if (rectify) {
      HADAMRNN_UNROLL
      for (int m = 0; m < M; ++m) x[m] = V::relu(x[m]);
    }
    HADAMRNN_UNROLL
    for (int k = 0; k < K; ++k) {
      const reg factor = V::set(a[k]);
      HADAMRNN_UNROLL
      for (int m = 0; m < M; ++m) acc[k][m] = V::fma(x[m], factor, acc[k][m]);
    }
  }
  HADAMRNN_UNROLL
  for (int i = 0; i < K * M; ++i) V::store(out + i / M * n + i % M * V::W, acc[i / M][i % M]);
}

template <class V, int M>
HADAMRNN_INLINE void outer_units(const float* a, const float* b, int64_t n, int64_t count, int64_t steps, bool rectify,
                                 float* out) {
  int64_t k = 0;
  for (; k + 4 <= count; k += 4) outer_tile<V, 4, M>(a + k, b, n, count, steps, rectify, out + k * n);
  for (; k < count; ++k) outer_tile<V, 1, M>(a + k, b, n, count, steps, rectify, out + k * n);
}

// out[k] += sum_t a[t, k] * f(b_t), f = relu if `rectify`: (steps, count) and (steps, n) -> (count, n).
template <class V>
void outer(const float* a, const float* b, int64_t n, int64_t count, int64_t steps, bool rectify, float* out) {
  int64_t j = 0;
  for (; j + 2 * V::W <= n; j += 2 * V::W) outer_units<V, 2>(a, b + j, n, count, steps, rectify, out + j);
  for (; j < n; j += V::W) outer_units<V, 1>(a, b + j, n, count, steps, rectify, out + j);
}

// R steps and M registers of units at j; see readout_back.
template <class V, int R, int M>
HADAMRNN_INLINE void readout_back_tile(const float* weight, const float* h, const float* dy, int64_t n, int64_t o,
                                       float* grad) {
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
      const reg factor = V::set(dy[r * o + k]);
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
HADAMRNN_INLINE void readout_back_units(const float* weight, const float* h, const float* dy, int64_t n, int64_t o,
                                        int64_t steps, float* grad) {
  int64_t t = 0;
  for (; t + 4 <= steps; t += 4) readout_back_tile<V, 4, M>(weight, h + t * n, dy + t * o, n, o, grad + t * n);
  for (; t < steps; ++t) readout_back_tile<V, 1, M>(weight, h + t * n, dy + t * o, n, o, grad + t * n);
}

// grad_t = relu'(h_t) * (weight^T dy_t): (steps, o) -> (steps, n).
template <class V>
void readout_back(const float* weight, const float* h, const float* dy, int64_t n, int64_t o, int64_t steps,
                  float* grad) {
  int64_t j = 0;
  for (; j + 2 * V::W <= n; j += 2 * V::W) readout_back_units<V, 2>(weight + j, h + j, dy, n, o, steps, grad + j);
  for (; j < n; j += V::W) readout_back_units<V, 1>(weight + j, h + j, dy, n, o, steps, grad + j);
}

// exp(x) for x <= 0, to about one unit in the last place: 2^k times a polynomial on [-ln2/2, ln2/2].
template <class V>
HADAMRNN_INLINE typename V::reg exp_negative(typename V::reg x) {
  using reg = typename V::reg;
  x = V::max(x, V::set(-87.0f));          // exp(-87) is the smallest normal power; below, probabilities vanish
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

// Softmax of `steps` rows of o logits held by output, y[k*stride + t], in place: exp(y - max) and
// their sum; `peak` receives the maxima. Lanes run over time; steps is padded to a multiple of 16.
template <class V>
void softmax(float* y, int64_t stride, int64_t o, int64_t steps, float* peak, float* sum) {
  using reg = typename V::reg;
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
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
