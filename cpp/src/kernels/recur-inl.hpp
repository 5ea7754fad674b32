// The recurrence h_t = act(su * H h_(t-1) + v_t) with everything fused into the transform's last
// pass. Blocks that fit in registers stay there for all time steps.
#pragma once

#include "kernels/fwht-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// --- the epilogue of one step ------------------------------------------------------------------------

// floor(z + 1/2): the rounding of integer models. Adding and subtracting 1.5 times the weight of the last bit but one
// rounds to a whole number; exact for |z| up to 2^22 (2^51 in float64), and beyond that all states saturate.
template <class V>
HADAMRNN_INLINE typename V::reg round_half_up(typename V::reg z) {
  using T = typename V::T;
  const typename V::reg magic = V::set(T(sizeof(T) == 4 ? 12582912.0 : 6755399441055744.0));
  const typename V::reg y = V::add(z, V::set(T(0.5)));
  const typename V::reg nearest = V::sub(V::add(y, magic), magic);
  return V::sub(nearest, V::keep_positive(V::set(1), V::sub(nearest, y)));
}

// -limit .. limit - 1; NaN passes, as the second operand of V::max.
template <class V>
HADAMRNN_INLINE typename V::reg saturate(typename V::reg z, typename V::T limit) {
  const typename V::reg zero = V::set(0);
  return V::sub(zero, V::max(V::set(1 - limit), V::sub(zero, V::max(V::set(-limit), z))));
}

// What an epilogue knows when it is compiled. Linear recurrences, whose speed hangs on every instruction, have kernels
// of their own for one input a step and for rows; all others ask for their kinds at run time, once for N registers.
enum class Kind { linear_input, linear_rows, any };

// One multiply, one add, one activation.
template <class V, Kind kind>
struct Update {
  using T = typename V::T;
  using reg = typename V::reg;
  Activation activation;
  const T *su, *threshold;
  T limit;
  // v = weight x + bias for one input a step (pixels); without a weight `bias` is v, a row computed before: a dense
  // projection, or gathered from a table by token.
  const T *weight, *bias;
  reg x;

  Update(const Recur<T>& p, int64_t t) : activation(p.activation), su(p.su), threshold(p.modrelu), limit(p.limit) {
    if (kind == Kind::linear_input || (kind == Kind::any && p.x)) {
      x = V::set(p.x[t]);
      weight = p.weight;
      bias = p.bias;
    } else {
      x = V::set(0);
      weight = nullptr;
      bias = p.rows + (p.ids ? p.ids[t] : t) * p.geometry.size();
    }
  }

  template <int N>
  HADAMRNN_INLINE void operator()(reg (&r)[N], int64_t j, int64_t stride) const {
    if (kind == Kind::linear_input || (kind == Kind::any && weight)) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) {
        const int64_t at = j + i * stride;
        const reg v = V::add(V::mul(V::load(weight + at), x), V::load(bias + at));
        r[i] = V::add(V::mul(V::load(su + at), r[i]), v);
      }
    } else {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) {
        const int64_t at = j + i * stride;
        r[i] = V::add(V::mul(V::load(su + at), r[i]), V::load(bias + at));
      }
    }
    if constexpr (kind == Kind::any) activate(r, j, stride);
  }

  template <int N>
  HADAMRNN_INLINE void activate(reg (&r)[N], int64_t j, int64_t stride) const {
    if (limit > 0) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = round_half_up<V>(r[i]);
    }
    if (activation == Activation::relu) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::relu(r[i]);
    } else if (activation == Activation::sign) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::sign(r[i]);
    } else if (activation == Activation::modrelu) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::modrelu(r[i], V::load(threshold + j + i * stride));
    }
    if (limit > 0) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = saturate<V>(r[i], limit);
    }
  }
};

// The epilogue of every step, by its number.
template <class V, Kind kind>
struct Updates {
  const Recur<typename V::T>& p;
  HADAMRNN_INLINE Update<V, kind> at(int64_t t) const { return {p, t}; }
};

// --- all steps --------------------------------------------------------------------------------------

// Smaller blocks are not kept in registers: no model that is worth its speed has them.
template <class V>
constexpr int resident_log2 = V::W > 1 ? 3 : 0;

// Blocks that N registers hold, from element `begin` on: those registers live through all time steps. What is left, too
// few for N registers, in half as many. P is Recur or a struct with the same geometry, in, out, stride and scratch; U
// gives the epilogue of each step.
template <class V, int N, bool full, class P, class U>
void recur_tiles(const P& p, const U& updates, int64_t begin, int64_t steps) {
  using reg = typename V::reg;
  const int64_t row = p.geometry.row, stride = p.stride;
  const int log2 = p.geometry.log2;
  int64_t j = begin;
  for (; j + N * V::W <= row; j += N * V::W) {
    reg r[N];
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::load(p.in + j + i * V::W);
    typename V::T* out = p.out + j;
    for (int64_t t = 0; t < steps; ++t, out += stride) {
      tile<V, N, full>(r, log2);
      const auto update = updates.at(t);
      update(r, j, V::W);
      if (stride != 0) {
        HADAMRNN_UNROLL
        for (int i = 0; i < N; ++i) V::store(out + i * V::W, r[i]);
      }
    }
    if (stride == 0) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) V::store(out + i * V::W, r[i]);
    }
  }
  if constexpr (!full && N > 1) {
    if (j < row) recur_tiles<V, N / 2, full>(p, updates, j, steps);
  }
}

// The epilogue alone, over results in memory.
template <class V, class E>
void update_rows(const E& update, int64_t size, const typename V::T* acc, typename V::T* out) {
  for (int64_t j = 0; j < size; j += V::W) {
    typename V::reg r[1] = {V::load(acc + j)};
    update(r, j, V::W);
    V::store(out + j, r[0]);
  }
}

template <class V, class P, class U>
void recur_steps(const P& p, const U& updates, int64_t steps) {
  const Geometry<typename V::T>& g = p.geometry;
  if (g.base == 1 && g.log2 >= resident_log2<V> && g.log2 <= pass_log2<V>) {
    return recur_tiles<V, V::pass_regs, false>(p, updates, 0, steps);
  }
  // A block that takes all registers, even if it is larger than a tile, is not stored between steps either.
  if constexpr (V::recur_regs > V::pass_regs) {
    if (g.base == 1 && g.log2 == ilog2(V::W) + ilog2(V::recur_regs)) {
      return recur_tiles<V, V::recur_regs, true>(p, updates, 0, steps);
    }
  }
  const typename V::T* h = p.in;
  typename V::T* out = p.out;
  for (int64_t t = 0; t < steps; ++t, out += p.stride) {
    const auto update = updates.at(t);
    if (g.base == 1 && g.log2 > tile_log2<V>) {
      large_blocks<V>(h, out, g.row, g.log2, update);
    } else if (g.base == 1) {
      fwht_row<V>(h, out, g.row, g.log2);
      update_rows<V>(update, g.row, out, out);
    } else {
      fwht_row<V>(h, p.scratch, g.size(), g.log2);
      core_rows<V>(p.scratch, out, g.row, g.base, g.core, update);
    }
    h = out;
  }
}

template <class V>
void recur(const Recur<typename V::T>& p, int64_t steps) {
  if (V::W == 1 || p.activation != Activation::linear || p.limit > 0) {
    recur_steps<V>(p, Updates<V, Kind::any>{p}, steps);
  } else if constexpr (V::W > 1) {
    if (p.x) {
      recur_steps<V>(p, Updates<V, Kind::linear_input>{p}, steps);
    } else {
      recur_steps<V>(p, Updates<V, Kind::linear_rows>{p}, steps);
    }
  }
}

// One step whose product comes from another kernel than the transform.
template <class V>
void update(const Recur<typename V::T>& p, const typename V::T* acc, int64_t t, typename V::T* out) {
  update_rows<V>(Update<V, Kind::any>(p, t), p.geometry.size(), acc, out);
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
