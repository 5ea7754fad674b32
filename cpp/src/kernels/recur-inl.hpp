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

// --- activations ----------------------------------------------------------------------------------

template <class V>
struct Linear {
  HADAMRNN_INLINE static typename V::reg apply(const Recur<typename V::T>&, typename V::reg z, int64_t) { return z; }
};

template <class V>
struct Relu {
  HADAMRNN_INLINE static typename V::reg apply(const Recur<typename V::T>&, typename V::reg z, int64_t) {
    return V::relu(z);
  }
};

template <class V>
struct ModRelu {
  HADAMRNN_INLINE static typename V::reg apply(const Recur<typename V::T>& p, typename V::reg z, int64_t j) {
    return V::modrelu(z, V::load(p.modrelu + j));
  }
};

template <class V>
struct Sign {
  HADAMRNN_INLINE static typename V::reg apply(const Recur<typename V::T>&, typename V::reg z, int64_t) {
    return V::sign(z);
  }
};

// Epilogue of one step: one multiply, one add, one activation.
template <class V, class Step, class Act>
struct Update {
  const Recur<typename V::T>& p;
  Step v;
  HADAMRNN_INLINE typename V::reg operator()(typename V::reg acc, int64_t j) const {
    return Act::apply(p, V::add(V::mul(V::load(p.su + j), acc), v(j)), j);
  }
};

// --- all steps --------------------------------------------------------------------------------------

// Blocks of 2^K that fit in N registers: those registers live through all time steps.
template <class V, int N, int K, class Act, class In>
HADAMRNN_INLINE int64_t recur_tiles(const Recur<typename V::T>& p, const In& in, int64_t begin, int64_t steps) {
  using reg = typename V::reg;
  const int64_t size = p.geometry.row;
  int64_t j = begin;
  for (; j + N * V::W <= size; j += N * V::W) {
    reg r[N];
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::load(p.in + j + i * V::W);
    typename V::T* out = p.out + j;
    for (int64_t t = 0; t < steps; ++t, out += p.stride) {
      tile<V, N, K>(r);
      const Update<V, typename In::Step, Act> update{p, in.at(t)};
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = update(r[i], j + i * V::W);
      if (p.stride != 0) {
        HADAMRNN_UNROLL
        for (int i = 0; i < N; ++i) V::store(out + i * V::W, r[i]);
      }
    }
    if (p.stride == 0) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) V::store(out + i * V::W, r[i]);
    }
  }
  return j;
}

template <class V, class Act, class In>
struct RecurSmall {
  const Recur<typename V::T>& p;
  const In& in;
  int64_t steps;
  template <int K>
  void run() const {
    const int64_t done = recur_tiles<V, tile_regs<V>, K, Act>(p, in, 0, steps);
    if constexpr (block_regs<V, K> < tile_regs<V>) {
      recur_tiles<V, block_regs<V, K>, K, Act>(p, in, done, steps);
    }
  }
};

template <class V, class Act, class In>
void recur_steps(const Recur<typename V::T>& p, const In& in, int64_t steps) {
  const Geometry<typename V::T>& g = p.geometry;
  if (g.base == 1 && g.log2 <= tile_log2<V>) {
    with_log2<V, 0>(g.log2, RecurSmall<V, Act, In>{p, in, steps});
    return;
  }
  const typename V::T* h = p.in;
  typename V::T* out = p.out;
  for (int64_t t = 0; t < steps; ++t, out += p.stride) {
    const Update<V, typename In::Step, Act> update{p, in.at(t)};
    if (g.base == 1) {
      large_blocks<V>(h, out, g.row, g.log2, update);
    } else {
      fwht_row<V>(h, p.scratch, g.size(), g.log2);
      core_rows<V>(p.scratch, out, g.row, g.base, g.core, update);
    }
    h = out;
  }
}

template <class V, class In>
void recur_with(const Recur<typename V::T>& p, const In& in, int64_t steps) {
  switch (p.activation) {
    case Activation::linear: return recur_steps<V, Linear<V>>(p, in, steps);
    case Activation::relu: return recur_steps<V, Relu<V>>(p, in, steps);
    case Activation::modrelu: return recur_steps<V, ModRelu<V>>(p, in, steps);
    case Activation::sign: return recur_steps<V, Sign<V>>(p, in, steps);
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

template <class V, class Act, class Step>
void update_rows(const Recur<typename V::T>& p, const typename V::T* acc, const Step& step, typename V::T* out) {
  const Update<V, Step, Act> u{p, step};
  for (int64_t j = 0; j < p.geometry.size(); j += V::W) V::store(out + j, u(V::load(acc + j), j));
}

template <class V, class Step>
void update_with(const Recur<typename V::T>& p, const typename V::T* acc, const Step& step, typename V::T* out) {
  switch (p.activation) {
    case Activation::linear: return update_rows<V, Linear<V>>(p, acc, step, out);
    case Activation::relu: return update_rows<V, Relu<V>>(p, acc, step, out);
    case Activation::modrelu: return update_rows<V, ModRelu<V>>(p, acc, step, out);
    case Activation::sign: return update_rows<V, Sign<V>>(p, acc, step, out);
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
