// Training's way back through the recurrence, over rows of a few dozen time steps that stay in cache.
// Sums over time are kept in registers: lanes run over units, the inner loop over time. Unlike
// inference these may contract multiply and add.
#pragma once

#include "kernels/backward-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// One step back at the elements held in r: r = carry, then dv_t = act'(z_t) (carry + grad_t), then su dv_t.
template <class V>
struct StepBack {
  using T = typename V::T;
  Activation activation;
  const T *su, *h, *grad;
  T *dv, *dmodrelu;
  T limit;
  int64_t n;

  explicit StepBack(const RecurBack<T>& p)
      : activation(p.activation),
        su(p.su),
        h(p.h),
        grad(p.grad_h),
        dv(p.dv),
        dmodrelu(p.dmodrelu),
        limit(p.limit),
        n(p.geometry.size()) {}

  template <int N>
  HADAMRNN_INLINE void operator()(typename V::reg (&r)[N], int64_t t, int64_t j) const {
    using reg = typename V::reg;
    const int64_t row = t * n + j;
    if (grad) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::add(r[i], V::load(grad + row + i * V::W));
    }
    if (limit > 0) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = unsaturated<V>(r[i], V::load(h + row + i * V::W), limit);
    }
    if (activation == Activation::relu) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::keep_positive(r[i], V::load(h + row + i * V::W));
    } else if (activation == Activation::modrelu) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) {
        // h = 0 exactly where the unit is off, and it has the sign of z elsewhere.
        const reg state = V::load(h + row + i * V::W);
        const reg da = V::mul_sign(r[i], state);
        V::store(dmodrelu + j + i * V::W, V::add(V::load(dmodrelu + j + i * V::W), da));
        r[i] = V::mul_sign(da, state);
      }
    }  // linear; sign: straight-through
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) {
      V::store(dv + row + i * V::W, r[i]);
      r[i] = V::mul(V::load(su + j + i * V::W), r[i]);
    }
  }
};

// Blocks that N registers hold, from element `begin` on: those hold the carry through all time steps from `last` down
// to `first`. What is left, too few for N registers, in half as many.
template <class V, int N, bool full>
void back_tiles(const RecurBack<typename V::T>& p, const StepBack<V>& step, int64_t begin, int64_t last,
                int64_t first) {
  const StepBack<V> back = step;
  const int64_t row = p.geometry.row;
  const int log2 = p.geometry.log2;
  int64_t j = begin;
  for (; j + N * V::W <= row; j += N * V::W) {
    typename V::reg r[N];
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::load(p.carry + j + i * V::W);
    for (int64_t t = last; t >= first; --t) {
      back(r, t, j);
      tile<V, N, full>(r, log2);
    }
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) V::store(p.carry + j + i * V::W, r[i]);
  }
  if constexpr (!full && N > 1) {
    if (j < row) back_tiles<V, N / 2, full>(p, back, j, last, first);
  }
}

// dv_t = dz_t for t = steps-1 .. 0; see recur_back. Products are left to `accumulate`.
template <class V>
void back_rows(const RecurBack<typename V::T>& p, int64_t steps) {
  const Geometry<typename V::T>& g = p.geometry;
  const StepBack<V> back(p);
  if (g.base == 1 && g.log2 <= pass_log2<V>) return back_tiles<V, V::pass_regs, false>(p, back, 0, steps - 1, 0);
  if (g.base == 1 && g.log2 == tile_log2<V>) return back_tiles<V, tile_regs<V>, true>(p, back, 0, steps - 1, 0);
  for (int64_t t = steps - 1; t >= 0; --t) {
    if (g.base == 1) {
      back_tiles<V, tile_regs<V>, true>(p, back, 0, t, t);
      across_blocks<V>(p.carry, g.row, tile_log2<V>, g.log2, Identity{});
      continue;
    }
    for (int64_t j = 0; j < g.size(); j += V::W) {
      typename V::reg r[1] = {V::load(p.carry + j)};
      back(r, t, j);
      V::store(p.scratch + j, r[0]);
    }
    transform<V>(g, p.scratch, p.carry, p.scratch + g.size(), true);
  }
}

// M registers of units from j on, K of the three sums; see accumulate. A sum waits for its last addition, so M go
// side by side.
template <class V, int M, int K>
HADAMRNN_INLINE void accumulate_tile(const Accumulate& p, int64_t j, int64_t steps) {
  using reg = typename V::reg;
  float* const sums[3] = {p.dsum + j, p.dbias + j, p.dweight + j};
  const float *dvs = p.dv + j, *zs = p.z + j, *x = p.x;
  reg acc[K][M];
  HADAMRNN_UNROLL
  for (int i = 0; i < K * M; ++i) acc[i / M][i % M] = V::load(sums[i / M] + i % M * V::W);
  for (int64_t t = 0; t < steps; ++t, dvs += p.n, zs += p.n) {
    HADAMRNN_UNROLL
    for (int m = 0; m < M; ++m) {
      const reg dv = V::load(dvs + m * V::W);
      acc[0][m] = V::fma(dv, V::load(zs + m * V::W), acc[0][m]);
      if constexpr (K > 1) acc[1][m] = V::add(acc[1][m], dv);
      if constexpr (K > 2) acc[2][m] = V::fma(dv, V::set(x[t]), acc[2][m]);
    }
  }
  HADAMRNN_UNROLL
  for (int i = 0; i < K * M; ++i) V::store(sums[i / M] + i % M * V::W, acc[i / M][i % M]);
}

template <class V, int K>
HADAMRNN_INLINE void accumulate_sums(const Accumulate& p, int64_t steps) {
  int64_t j = 0;
  for (; j + 4 * V::W <= p.n; j += 4 * V::W) accumulate_tile<V, 4, K>(p, j, steps);
  for (; j < p.n; j += V::W) accumulate_tile<V, 1, K>(p, j, steps);
}

// Sums over time: dsum += dv * z, and where they are wanted dbias += dv, dweight += dv * x.
template <class V>
void accumulate(const Accumulate& p, int64_t steps) {
  if (p.dweight) return accumulate_sums<V, 3>(p, steps);
  if (p.dbias) return accumulate_sums<V, 2>(p, steps);
  accumulate_sums<V, 1>(p, steps);
}

// rows[ids[t]] += dv_t
template <class V>
void scatter_rows(const float* dv, const int32_t* ids, int64_t n, int64_t steps, float* rows) {
  for (int64_t t = 0; t < steps; ++t) {
    float* row = rows + ids[t] * n;
    for (int64_t j = 0; j < n; j += V::W) V::store(row + j, V::add(V::load(row + j), V::load(dv + t * n + j)));
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
