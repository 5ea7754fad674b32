// The recurrence h_t = act(su * H h_(t-1) + v_t) with everything fused into the transform's last
// pass. Blocks that fit in registers stay there for all time steps.
#pragma once

#include "kernels/fwht-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// --- inputs: v_t as a function of the element j -------------------------------------------------

// One input a step (pixels): v = weight * x_t + bias.
template <class V>
struct ScalarInput {
  const Recur<typename V::T>& p;
  struct Step {
    typename V::reg x;
    const typename V::T *weight, *bias;
    HADAMRNN_INLINE typename V::reg operator()(int64_t j) const {
      return V::add(V::mul(V::load(weight + j), x), V::load(bias + j));
    }
  };
  HADAMRNN_INLINE Step at(int64_t t) const { return {V::set(p.x[t]), p.weight, p.bias}; }
};

// Rows computed before: dense projections, or a table gathered by token.
template <class V>
struct RowInput {
  const Recur<typename V::T>& p;
  struct Step {
    const typename V::T* row;
    HADAMRNN_INLINE typename V::reg operator()(int64_t j) const { return V::load(row + j); }
  };
  HADAMRNN_INLINE Step at(int64_t t) const { return {p.rows + (p.ids ? p.ids[t] : t) * p.geometry.size()}; }
};

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

// -limit .. limit - 1.
template <class V>
HADAMRNN_INLINE typename V::reg saturate(typename V::reg z, typename V::T limit) {
  const typename V::reg zero = V::set(0);
  return V::sub(zero, V::max(V::sub(zero, V::max(z, V::set(-limit))), V::set(1 - limit)));
}

// The epilogue of one step: one multiply, one add, one activation.
template <class V, class Step, bool linear>
struct Update {
  Activation activation;
  const typename V::T* su;
  const typename V::T* threshold;
  typename V::T limit;
  Step v;

  Update(const Recur<typename V::T>& p, const Step& step)
      : activation(p.activation), su(p.su), threshold(p.modrelu), limit(p.limit), v(step) {}

  template <int N>
  HADAMRNN_INLINE void operator()(typename V::reg (&r)[N], int64_t j, int64_t stride) const {
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) {
      const int64_t at = j + i * stride;
      r[i] = V::add(V::mul(V::load(su + at), r[i]), v(at));
    }
    if constexpr (!linear) {  // one test for N registers
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
  }
};

// The epilogue of every step, by its number.
template <class V, class In, bool linear>
struct Updates {
  const Recur<typename V::T>& p;
  const In& in;
  HADAMRNN_INLINE Update<V, typename In::Step, linear> at(int64_t t) const { return {p, in.at(t)}; }
};

// --- all steps --------------------------------------------------------------------------------------

// Blocks of 2^K that fit in N registers: those registers live through all time steps. P is Recur or a
// struct with the same geometry, in, out, stride and scratch; U gives the epilogue of each step.
template <class V, int N, int K, class P, class U>
HADAMRNN_INLINE int64_t recur_tiles(const P& p, const U& updates, int64_t begin, int64_t steps) {
  using reg = typename V::reg;
  const int64_t size = p.geometry.row, stride = p.stride;
  int64_t j = begin;
  for (; j + N * V::W <= size; j += N * V::W) {
    reg r[N];
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::load(p.in + j + i * V::W);
    typename V::T* out = p.out + j;
    for (int64_t t = 0; t < steps; ++t, out += stride) {
      tile<V, N, K>(r);
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
  return j;
}

template <class V, class P, class U>
struct RecurSmall {
  const P& p;
  const U& updates;
  int64_t steps;
  template <int K>
  void run() const {
    const int64_t done = recur_tiles<V, tile_regs<V>, K>(p, updates, 0, steps);
    if constexpr (block_regs<V, K> < tile_regs<V>) {
      recur_tiles<V, block_regs<V, K>, K>(p, updates, done, steps);
    }
  }
};

template <class V, class P, class U>
void recur_steps(const P& p, const U& updates, int64_t steps) {
  const Geometry<typename V::T>& g = p.geometry;
  if (g.base == 1 && g.log2 >= resident_log2<V> && g.log2 <= tile_log2<V>) {
    with_log2<V, resident_log2<V>>(g.log2, RecurSmall<V, P, U>{p, updates, steps});
    return;
  }
  // A block that is larger than a tile may still fit the registers, and is then not stored between steps.
  if constexpr (V::recur_regs > tile_regs<V>) {
    constexpr int log2 = ilog2(V::W) + ilog2(V::recur_regs);
    if (g.base == 1 && g.log2 == log2) {
      recur_tiles<V, V::recur_regs, log2>(p, updates, 0, steps);
      return;
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
      for (int64_t j = 0; j < g.row; j += V::W) {
        typename V::reg r[1] = {V::load(out + j)};
        update(r, j, V::W);
        V::store(out + j, r[0]);
      }
    } else {
      fwht_row<V>(h, p.scratch, g.size(), g.log2);
      core_rows<V>(p.scratch, out, g.row, g.base, g.core, update);
    }
    h = out;
  }
}

template <class V, class In>
void recur_with(const Recur<typename V::T>& p, const In& in, int64_t steps) {
  if (p.activation == Activation::linear && p.limit == 0) {
    recur_steps<V>(p, Updates<V, In, true>{p, in}, steps);
  } else {
    recur_steps<V>(p, Updates<V, In, false>{p, in}, steps);
  }
}

template <class V>
void recur(const Recur<typename V::T>& p, int64_t steps) {
  if (p.x) {
    recur_with<V>(p, ScalarInput<V>{p}, steps);
  } else {
    recur_with<V>(p, RowInput<V>{p}, steps);
  }
}

template <class V, bool linear, class Step>
void update_rows(const Recur<typename V::T>& p, const typename V::T* acc, const Step& step, typename V::T* out) {
  const Update<V, Step, linear> update(p, step);
  for (int64_t j = 0; j < p.geometry.size(); j += V::W) {
    typename V::reg r[1] = {V::load(acc + j)};
    update(r, j, V::W);
    V::store(out + j, r[0]);
  }
}

template <class V, class Step>
void update_with(const Recur<typename V::T>& p, const typename V::T* acc, const Step& step, typename V::T* out) {
  if (p.activation == Activation::linear) {
    update_rows<V, true>(p, acc, step, out);
  } else {
    update_rows<V, false>(p, acc, step, out);
  }
}

// One step whose product comes from another kernel than the transform.
template <class V>
void update(const Recur<typename V::T>& p, const typename V::T* acc, int64_t t, typename V::T* out) {
  if (p.x) {
    update_with<V>(p, acc, ScalarInput<V>{p}.at(t), out);
  } else {
    update_with<V>(p, acc, RowInput<V>{p}.at(t), out);
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
