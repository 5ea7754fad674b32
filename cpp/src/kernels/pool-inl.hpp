// What is read instead of a state: over time, the excess of each unit over thresholds and the share of steps above
// them.
#pragma once

#include <type_traits>

#include "kernels/macros.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// M registers of units at j, over all steps: every sum is added to in order of t.
template <class V, int M, bool excess, bool share, bool running>
HADAMRNN_INLINE void pool_units(const Pooling<typename V::T>& p, const typename V::T* threshold, const typename V::T* h,
                                int64_t steps, typename V::T* sums) {
  using reg = typename V::reg;
  const int64_t n = p.size;
  typename V::T* above = sums + (excess ? n : 0);
  [[maybe_unused]] const reg rate = V::set(p.rate);
  reg theta[M], sum[M], count[M];
  HADAMRNN_UNROLL
  for (int m = 0; m < M; ++m) {
    theta[m] = V::load(threshold + m * V::W);
    if constexpr (excess) sum[m] = V::load(sums + m * V::W);
    if constexpr (share) count[m] = V::load(above + m * V::W);
  }
  // Running means of integers: a sum of about 2^k of them in so many more bits.
  const auto add = [&](reg total, reg x, [[maybe_unused]] int more) {
    if constexpr (running && std::is_integral_v<typename V::T>) {
      return V::add(total, V::sub(V::shift_left(x, more), V::shift_right(total, p.rate)));
    } else if constexpr (running) {
      return V::add(total, V::mul(V::sub(x, total), rate));
    } else {
      return V::add(total, x);
    }
  };
  // Both of floats share a comparison, by which NaN counts as 1 until its sum, NaN since then, makes NaN of the count.
  constexpr bool both = excess && share && !running && !std::is_integral_v<typename V::T>;
  for (int64_t t = 0; t < steps; ++t, h += n) {
    HADAMRNN_UNROLL
    for (int m = 0; m < M; ++m) {
      const reg z = V::sub(V::load(h + m * V::W), theta[m]);
      if constexpr (both) {
        sum[m] = V::add_positive(sum[m], z, z);
        count[m] = V::add_positive(count[m], V::set(1), z);
        continue;
      }
      if constexpr (excess) sum[m] = add(sum[m], V::relu(z), p.more);
      if constexpr (share) count[m] = add(count[m], V::indicator(z), 15);
    }
  }
  if constexpr (both) {
    HADAMRNN_UNROLL
    for (int m = 0; m < M; ++m) count[m] = V::add(count[m], V::min(V::set(0), sum[m]));  // of NaN: the second operand
  }
  HADAMRNN_UNROLL
  for (int m = 0; m < M; ++m) {
    if constexpr (excess) V::store(sums + m * V::W, sum[m]);
    if constexpr (share) V::store(above + m * V::W, count[m]);
  }
}

template <class V, bool excess, bool share, bool running>
void pool_kind(const Pooling<typename V::T>& p, const typename V::T* h, int64_t steps, typename V::T* sums) {
  for (int64_t k = 0; k < p.thresholds; ++k, sums += p.size * (excess + share)) {
    const typename V::T* threshold = p.threshold + k * p.size;
    int64_t j = 0;
    for (; j + 2 * V::W <= p.size; j += 2 * V::W) {
      pool_units<V, 2, excess, share, running>(p, threshold + j, h + j, steps, sums + j);
    }
    for (; j < p.size; j += V::W) {
      pool_units<V, 1, excess, share, running>(p, threshold + j, h + j, steps, sums + j);
    }
  }
}

template <class V, bool running>
void pool_features(const Pooling<typename V::T>& p, const typename V::T* h, int64_t steps, typename V::T* sums) {
  if (p.excess && p.share) return pool_kind<V, true, true, running>(p, h, steps, sums);
  if (p.excess) return pool_kind<V, true, false, running>(p, h, steps, sums);
  pool_kind<V, false, true, running>(p, h, steps, sums);
}

template <class V>
void pool(const Pooling<typename V::T>& p, const typename V::T* h, int64_t steps, typename V::T* sums) {
  if (p.rate != 0) return pool_features<V, true>(p, h, steps, sums);
  pool_features<V, false>(p, h, steps, sums);
}

// The compiler makes vectors of this loop.
inline void means(const float* HADAMRNN_RESTRICT sums, int64_t n, float steps, float* HADAMRNN_RESTRICT out) {
  for (int64_t j = 0; j < n; ++j) out[j] = sums[j] / steps;
}

// One step and one threshold of pool_back, over the units: grad_h is written by the first threshold, and added to by
// others.
template <bool excess, bool share, bool first>
HADAMRNN_INLINE void pool_back_units(int64_t n, float weight, const float* threshold, const float* grad_excess,
                                     const float* grad_share, const float* h, float* __restrict grad_h,
                                     float* __restrict dthreshold) {
  const auto back = [&](int64_t j) {
    const float z = h[j] - threshold[j];
    float d = 0;
    if constexpr (excess) d = z <= 0 ? 0 : grad_excess[j];  // NaN passes
    if constexpr (share) {
      const float smooth = 1 + (z < 0 ? -z : z);
      d += 0.5f * grad_share[j] / (smooth * smooth);
    }
    return d * weight;
  };
  if (!dthreshold) {
    for (int64_t j = 0; j < n; ++j) grad_h[j] = first ? back(j) : grad_h[j] + back(j);
    return;
  }
  for (int64_t j = 0; j < n; ++j) {
    const float d = back(j);
    grad_h[j] = first ? d : grad_h[j] + d;
    dthreshold[j] -= d;
  }
}

template <bool excess, bool share>
void pool_back_kind(const PoolBack& p, const float* h, int64_t steps, float* grad_h) {
  const int64_t n = p.pool.size;
  const auto back = [&](auto first, int64_t t, int64_t k) {
    const float* grad = p.grad + k * n * (excess + share);
    pool_back_units<excess, share, decltype(first)::value>(n, p.weight[t], p.pool.threshold + k * n, grad,
                                                           grad + (excess ? n : 0), h + t * n, grad_h + t * n,
                                                           p.dthreshold ? p.dthreshold + k * n : nullptr);
  };
  for (int64_t t = 0; t < steps; ++t) {
    back(std::true_type{}, t, 0);
    for (int64_t k = 1; k < p.pool.thresholds; ++k) back(std::false_type{}, t, k);
  }
}

// Gradients of the states (steps, n) and thresholds from those of a pool's features. The share of steps above a
// threshold has no derivative; its gradient is that of (1 + z / (1 + |z|)) / 2. The compiler makes vectors of these
// loops.
inline void pool_back(const PoolBack& p, const float* h, int64_t steps, float* grad_h) {
  if (p.pool.excess && p.pool.share) return pool_back_kind<true, true>(p, h, steps, grad_h);
  if (p.pool.excess) return pool_back_kind<true, false>(p, h, steps, grad_h);
  pool_back_kind<false, true>(p, h, steps, grad_h);
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
