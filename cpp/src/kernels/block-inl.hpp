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

// Blocks that fit registers stay there; others go through memory.
template <class V>
void recur_blocks(const BlockRecur<typename V::T>& p, int64_t steps) {
  const Geometry<typename V::T>& g = p.geometry;
  if (g.base == 1 && g.log2 >= resident_log2<V> && g.log2 <= pass_log2<V>) {
    return recur_tiles<V, V::pass_regs, false>(p, BlockUpdates<V>{p}, 0, steps);
  }
  const typename V::T* z = p.in;
  typename V::T* out = p.out;
  for (int64_t t = 0; t < steps; ++t, out += p.stride) {
    transform<V>(g, z, out, p.scratch, false);
    update_blocks<V>(p, out, t, out);
    z = out;
  }
}

// --- the input -----------------------------------------------------------------------------------------

template <class V>
HADAMRNN_INLINE typename V::reg block_input(const BlockInput& p, const int32_t* pairs, int64_t k) {
  using reg = typename V::reg;
  reg sum = V::load(p.bias + k);
  for (int64_t j = 0; j < p.pairs; ++j) sum = V::add_pair(sum, p.weights + 2 * (j * p.size + k), pairs[j]);
  const reg bound = V::load(p.bound + k), zero = V::set(0);
  const reg v = V::min(V::shift_right_each(sum, V::load(p.shift + k)), bound);
  return V::add(V::max(v, p.rectified ? zero : V::sub(zero, bound)), V::set(p.half));
}

template <class V>
void project_blocks(const BlockInput& p, const int32_t* pairs, int64_t count, int32_t* rows) {
  for (int64_t i = 0; i < count; ++i, pairs += p.pairs, rows += p.size) {
    for (int64_t k = 0; k < p.size; k += V::W) V::store(rows + k, block_input<V>(p, pairs, k));
  }
}

// The same, which fits 16 bits.
template <class V>
void project_blocks_short(const BlockInput& p, const int32_t* pairs, int64_t count, int16_t* rows) {
  for (int64_t i = 0; i < count; ++i, pairs += p.pairs, rows += p.size) {
    for (int64_t k = 0; k < p.size; k += V::W) V::store_short(rows + k, block_input<V>(p, pairs, k));
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
