// Integer models that forget: the recurrence over lanes of 32 or 16 bits, and its input.
#pragma once

#include "kernels/recur-inl.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// The epilogue of one step. The sum may saturate at 16 bits, and is then beyond what the state saturates at.
template <class V>
struct BlockUpdate {
  using T = typename V::T;
  const T* factors;
  const T* row;
  int32_t widen, shift;
  T low, high;

  BlockUpdate(const BlockRecur<T>& p, int64_t t)
      : factors(p.factors),
        row(p.rows + (p.ids ? p.ids[t] : t) * p.geometry.size()),
        widen(p.widen),
        shift(p.shift),
        low(p.low),
        high(p.high) {}

  template <int N>
  HADAMRNN_INLINE void operator()(typename V::reg (&r)[N], int64_t j, int64_t stride) const {
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) {
      const int64_t at = j + i * stride;
      r[i] = V::mul_high_each(V::shift_left(r[i], widen), V::load(factors + at));
      r[i] = V::shift_right(V::add_saturated(r[i], V::load(row + at)), shift);
      r[i] = V::min(V::max(r[i], V::set(low)), V::set(high));
    }
  }
};

template <class V>
struct BlockUpdates {
  const BlockRecur<typename V::T>& p;
  HADAMRNN_INLINE BlockUpdate<V> at(int64_t t) const { return {p, t}; }
};

// One step whose product comes from another kernel than the transform.
template <class V>
void update_blocks(const BlockRecur<typename V::T>& p, const typename V::T* acc, int64_t t, typename V::T* out) {
  update_rows<V>(BlockUpdate<V>(p, t), p.geometry.size(), acc, out);
}

// Through memory: kernels for each size of block would be several times the code.
template <class V>
void recur_blocks(const BlockRecur<typename V::T>& p, int64_t steps) {
  const typename V::T* z = p.in;
  typename V::T* out = p.out;
  for (int64_t t = 0; t < steps; ++t, out += p.stride) {
    transform<V>(p.geometry, z, out, p.scratch, false);
    update_blocks<V>(p, out, t, out);
    z = out;
  }
}

// --- 16-bit lanes -------------------------------------------------------------------------------------------

// In them the blocks of a group are interleaved (Storage::interleaved), so that most butterflies are of whole
// registers.

template <class V, int N, int S = 1>
HADAMRNN_INLINE void lanes_from(typename V::reg (&r)[N], int64_t first, int64_t end) {
  if constexpr (S < V::W) {
    if (S >= first && S < end) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::template butterfly<S>(r[i]);
    }
    lanes_from<V, N, 2 * S>(r, first, end);
  }
}

template <class V, int N, int H = 1>
HADAMRNN_INLINE void across_from(typename V::reg (&r)[N], int64_t first, int64_t end) {
  if constexpr (H < N) {
    if (H * V::W >= first && H * V::W < end) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N / 2; ++i) {
        const int a = (i / H) * 2 * H + i % H;
        const typename V::reg x = r[a], y = r[a + H];
        r[a] = V::add(x, y);
        r[a + H] = V::sub(x, y);
      }
    }
    across_from<V, N, 2 * H>(r, first, end);
  }
}

// Groups that N registers hold, from element `begin` on, which live there through all time steps; what is left in half
// as many.
template <class V, int N>
void recur_groups(const BlockRecur<int16_t>& p, int64_t begin, int64_t steps) {
  const int64_t row = p.geometry.row;
  int64_t j = begin;
  for (; j + N * V::W <= row; j += N * V::W) {
    typename V::reg r[N];
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::load(p.in + j + i * V::W);
    int16_t* out = p.out + j;
    for (int64_t t = 0; t < steps; ++t, out += p.stride) {
      lanes_from<V>(r, p.first, p.end);
      across_from<V>(r, p.first, p.end);
      BlockUpdate<V>(p, t)(r, j, V::W);
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) V::store(out + i * V::W, r[i]);
    }
  }
  if constexpr (N > 1) {
    if (j < row) recur_groups<V, N / 2>(p, j, steps);
  }
}

// For groups that registers do not hold: a block of twice as many units, and without vectors all.
template <class V>
void groups_through_memory(const BlockRecur<int16_t>& p, int64_t steps) {
  const int64_t row = p.geometry.row;
  const int16_t* z = p.in;
  int16_t* out = p.out;
  for (int64_t t = 0; t < steps; ++t, out += p.stride) {
    if constexpr (V::W > 1) {
      tiles<V, V::pass_regs, true>(z, out, 0, row, ilog2(int(p.end)));
      radix<V, 2>(out, row, p.end / 2, BlockUpdate<V>(p, t));
    } else {
      for (int64_t j = 0; j < row; ++j) out[j] = z[j];
      for (int64_t h = p.first; h < p.end; h *= 2) radix<V, 2>(out, row, h, Identity{});
      update_blocks<V>(p, out, t, out);
    }
    z = out;
  }
}

template <class V>
void recur_blocks_short(const BlockRecur<int16_t>& p, int64_t steps) {
  constexpr int64_t held = V::pass_regs * V::W;
  if constexpr (V::W > 1) {
    static_assert(2 * held >= largest_group, "a block is one tile or two");
    if (p.end <= held) return recur_groups<V, V::pass_regs>(p, 0, steps);
  }
  if constexpr (held < largest_group) groups_through_memory<V>(p, steps);
}

// --- sums of a few steps into those of all of them ----------------------------------------------------------

template <class T>
void add_sums(const T* x, int64_t n, int64_t* HADAMRNN_RESTRICT sums) {
  for (int64_t j = 0; j < n; ++j) sums[j] += x[j];
}

// --- the readout of features --------------------------------------------------------------------------------

// out = x in lanes of twice the bits.
template <class V>
void widen(const int16_t* x, int64_t n, int32_t* out) {
  for (int64_t j = 0; j < n; j += V::W) V::store(out + j, V::load_short(x + j));
}

// Running means as features of 16 bits, below 2^16 and 2^15 less than they are.
template <class V>
void short_features(const int32_t* means, int64_t n, int32_t shift, int16_t* x) {
  const typename V::reg offset = V::set(feature_offset);
  for (int64_t j = 0; j < n; j += V::W)
    V::store_short(x + j, V::sub(V::shift_right(V::load(means + j), shift), offset));
}

// The same as floats, in units of `scale`.
template <class F, class V>
void float_features(const int32_t* means, int64_t n, int32_t shift, const float* scale, float* x) {
  for (int64_t j = 0; j < n; j += V::W) {
    F::store(x + j, F::mul(V::to_float(V::shift_right(V::load(means + j), shift)), F::load(scale + j)));
  }
}

// y[k] = codes[k] x for K rows of codes, which share the features.
template <class V, int K>
HADAMRNN_INLINE void dot_features(const int16_t* codes, const int16_t* x, int64_t n, int64_t* y) {
  constexpr int64_t pair = 2 * V::W, part = 128 * pair;  // a pair of products is at most 2^23
  for (int k = 0; k < K; ++k) y[k] = 0;
  for (int64_t first = 0; first < n; first += part) {
    const int64_t end = first + part < n ? first + part : n;
    typename V::reg sum[K];
    HADAMRNN_UNROLL
    for (int k = 0; k < K; ++k) sum[k] = V::set(0);
    for (int64_t j = first; j < end; j += pair) {
      HADAMRNN_UNROLL
      for (int k = 0; k < K; ++k) sum[k] = V::add_products(sum[k], x + j, codes + k * n + j);
    }
    for (int k = 0; k < K; ++k) {
      int32_t lane[V::W];
      V::store(lane, sum[k]);
      for (int i = 0; i < V::W; ++i) y[k] += lane[i];
    }
  }
}

template <class V>
void readout_features(const int16_t* codes, const int16_t* x, int64_t n, int64_t o, int64_t* y) {
  int64_t k = 0;
  for (; k + 4 <= o; k += 4) dot_features<V, 4>(codes + k * n, x, n, y + k);
  for (; k < o; ++k) dot_features<V, 1>(codes + k * n, x, n, y + k);
}

// --- the input -----------------------------------------------------------------------------------------

// v + half of N inputs and M registers of units from k on, whose weights begin at w: the inputs share each load.
template <class V, int N, int M, class T>
HADAMRNN_INLINE void block_tile(const BlockInput& p, const int16_t* w, const int32_t* pairs, int64_t k, T* rows) {
  using reg = typename V::reg;
  reg sum[N][M];
  HADAMRNN_UNROLL
  for (int a = 0; a < N * M; ++a) sum[a / M][a % M] = V::load(p.bias + k + a % M * V::W);
  for (int64_t j = 0; j < p.pairs; ++j, w += 2 * lane_group, ++pairs) {
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) {
      HADAMRNN_UNROLL
      for (int m = 0; m < M; ++m) {
        const int64_t at = m * V::W / lane_group * lane_group * p.pairs + m * V::W % lane_group;
        sum[i][m] = V::add_pair(sum[i][m], w + 2 * at, pairs[i * p.pairs]);
      }
    }
  }
  const reg half = V::set(p.half);
  HADAMRNN_UNROLL
  for (int a = 0; a < N * M; ++a) {
    const int64_t at = k + a % M * V::W;
    reg v = V::shift_right_each(sum[a / M][a % M], V::load(p.shift + at));
    if (p.bound) {
      const reg bound = V::load(p.bound + at);
      v = V::max(V::min(v, bound), V::sub(V::set(0), bound));
    } else if (p.rectified) {
      v = V::relu(v);
    }
    T* out = rows + a / M * p.size + at;
    if constexpr (sizeof(T) == 2) {
      V::store_short(out, V::add(v, half));
    } else {
      V::store(out, V::add(v, half));
    }
  }
}

// `count` inputs, a multiple of N, and M registers of units at a time from k on; what is left in half as many.
template <class V, int N, int M, class T>
void block_rows(const BlockInput& input, const int32_t* pairs, int64_t count, int64_t k, T* rows) {
  const BlockInput p = input;  // by value, so that no store makes the compiler read it again
  constexpr int64_t tile = M * V::W, panels = tile < lane_group ? lane_group : tile;
  for (; k + panels <= p.size; k += panels) {
    for (int64_t i = 0; i < panels; i += tile) {
      const int16_t* w = p.weights + 2 * (k * p.pairs + i);
      for (int64_t r = 0; r < count; r += N) {
        block_tile<V, N, M>(p, w, pairs + r * p.pairs, k + i, rows + r * p.size);
      }
    }
  }
  if constexpr (tile > lane_group) {
    if (k < p.size) block_rows<V, N, M / 2>(p, pairs, count, k, rows);
  }
}

template <class V, class T>
void project_blocks(const BlockInput& p, const int32_t* pairs, int64_t count, T* rows) {
  constexpr int N = 4, M = 2;
  const int64_t whole = count - count % N;
  block_rows<V, N, M>(p, pairs, whole, 0, rows);
  block_rows<V, 1, M>(p, pairs + whole * p.pairs, count - whole, 0, rows + whole * p.size);
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
