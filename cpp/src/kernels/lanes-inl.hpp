// Sequences in lanes: a register holds one unit of V::W sequences, so no butterfly is inside a register and no step
// waits for its own latency. Each sequence has the additions of recur-inl.hpp and linear-inl.hpp, in the same order.
#pragma once

#include "kernels/linear-inl.hpp"
#include "kernels/recur-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// As a vector of one unit. What belongs to the unit alone is the same in all lanes.
template <class V>
struct Lanes : V {
  struct T {
    float lane[V::W];
  };
  using reg = typename V::reg;
  static constexpr int W = 1;

  HADAMRNN_INLINE static reg load(const T* p) { return V::load(p->lane); }
  HADAMRNN_INLINE static reg load(const float* p) { return V::spread(p); }
  HADAMRNN_INLINE static void store(T* p, reg x) { V::store(p->lane, x); }
  // The same rounding as a subtraction, in the units that multiply, while those that add take the other half of a
  // butterfly.
  HADAMRNN_INLINE static reg sub(reg x, reg y) { return V::fma(y, V::set(-1), x); }

  static const T* from(const float* p) { return reinterpret_cast<const T*>(p); }
  static T* from(float* p) { return reinterpret_cast<T*>(p); }
};

// What happens to the results of a pass, r[i] of unit j + i*h, on their way to memory: nothing, or all of a step.
template <class L>
struct Keep {
  template <int R, int h>
  HADAMRNN_INLINE void store(typename L::reg (&r)[R], int64_t, typename L::T* out) const {
    HADAMRNN_UNROLL
    for (int i = 0; i < R; ++i) L::store(out + i * h, r[i]);
  }
};

template <class L>
struct Forward {
  using reg = typename L::reg;
  const RecurLanes& p;
  const typename L::T* x;  // of the step

  Forward(const RecurLanes& recur, int64_t t) : p(recur), x(L::from(recur.x) + t * recur.d) {}

  // `project` of N units from `at` on, h apart, whose weights lie in panels.
  template <int N, int h>
  HADAMRNN_INLINE void project(int64_t at, reg (&v)[N]) const {
    constexpr int panel = int(lane_group);
    static_assert(h % panel == 0 || (panel % h == 0 && N * h % panel == 0), "units of a panel are in the same places");
    const float* w = p.weight + at / panel * panel * p.d + at % panel;
    const int64_t stride = panel * p.d;
    const reg first = L::load(x);
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) v[i] = L::mul(L::load(w + i * h / panel * stride + i * h % panel), first);
    for (int64_t k = 1; k < p.d; ++k) {
      w += panel;
      const reg next = L::load(x + k);
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) {
        v[i] = L::add(v[i], L::mul(L::load(w + i * h / panel * stride + i * h % panel), next));
      }
    }
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) v[i] = L::add(v[i], L::load(p.bias + at + i * h));
    if (p.phi == InputActivation::linear) return;
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) v[i] = input_activation<L>(v[i], p.phi);
  }

  HADAMRNN_INLINE reg activate(reg z, int64_t at) const {
    return p.activation == Activation::sign ? L::sign(z) : L::modrelu(z, L::load(p.modrelu + at));
  }

  template <int R, int h>
  HADAMRNN_INLINE void store(reg (&r)[R], int64_t j, typename L::T* out) const {
    constexpr int N = R < 4 ? R : 4;
    HADAMRNN_UNROLL
    for (int i = 0; i < R; i += N) {
      reg v[N];
      project<N, h>(j + i * h, v);
      HADAMRNN_UNROLL
      for (int a = 0; a < N; ++a) v[a] = L::add(L::mul(L::load(p.su + j + (i + a) * h), r[i + a]), v[a]);
      if (p.activation == Activation::relu) {
        HADAMRNN_UNROLL
        for (int a = 0; a < N; ++a) v[a] = L::relu(v[a]);
      }
      HADAMRNN_UNROLL
      for (int a = 0; a < N; ++a) L::store(out + (i + a) * h, v[a]);
    }
    if (p.activation == Activation::linear || p.activation == Activation::relu) return;
    for (int i = 0; i < R; ++i) {  // the others are rare: not unrolled, for the size of the code
      L::store(out + i * h, activate(L::load(out + i * h), j + i * h));
    }
  }
};

// Stages of stride h, 2h, ... R*h/2, then the epilogue, unit by unit: the constants of all of them at once would be too
// many. Strides are known when it is compiled, or every unit would take pointers of its own.
template <class L, int R, int h, class E>
HADAMRNN_INLINE void lanes_pass(typename L::T* x, int64_t n, const E& e) {
  for (int64_t block = 0; block < n; block += R * h) {
    for (int64_t j = block; j < block + h; ++j) {
      typename L::reg r[R];
      HADAMRNN_UNROLL
      for (int i = 0; i < R; ++i) r[i] = L::load(x + j + i * h);
      across<L, R>(r);
      e.template store<R, h>(r, j, x + j);
    }
  }
}

// All stages but the first `done` ones, in as few passes as there can be.
template <class L, int log2, int done, class E>
HADAMRNN_INLINE void lanes_passes(typename L::T* x, int64_t n, const E& e) {
  constexpr int left = log2 - done, passes = (left + L::max_radix_log2 - 1) / L::max_radix_log2;
  constexpr int stages = (left + passes - 1) / passes;
  if constexpr (passes == 1) {
    lanes_pass<L, 1 << stages, 1 << done>(x, n, e);
  } else {
    lanes_pass<L, 1 << stages, 1 << done>(x, n, Keep<L>{});
    lanes_passes<L, log2, done + stages>(x, n, e);
  }
}

template <class V, int log2>
void recur_lanes_of(const RecurLanes& p, int64_t steps) {
  using L = Lanes<V>;
  const RecurLanes q = p;  // a copy, whose pointers no store can change
  for (int64_t t = 0; t < steps; ++t) lanes_passes<L, log2, 0>(L::from(q.h), q.geometry.row, Forward<L>(q, t));
}

// How many sequences run side by side; 1: none do, with registers as short as those of NEON.
template <class V>
constexpr int32_t lanes_of = V::W >= 8 ? V::W : 1;

template <class V>
void recur_lanes([[maybe_unused]] const RecurLanes& p, [[maybe_unused]] int64_t steps) {
  if constexpr (lanes_of < V >> 1) {
    switch (p.geometry.log2) {
      case 5: return recur_lanes_of<V, 5>(p, steps);
      case 6: return recur_lanes_of<V, 6>(p, steps);
      case 7: return recur_lanes_of<V, 7>(p, steps);
      case 8: return recur_lanes_of<V, 8>(p, steps);
      default: return recur_lanes_of<V, 9>(p, steps);
    }
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
