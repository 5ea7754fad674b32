// The integer recurrence, written once over I32 and its 64-bit lanes (V::wide).
//
//   total = (u acc) M_h + (product M_x + beta) 2^s,   z = sat(act((total + 2^(F-1)) >> F))
//
// The model proves that acc, product and the shifted total fit 32 bits and total 64, and where 32 are enough
// (python/hadamrnn_ext/integer/bounds.py), so nothing here rounds but the one shift.
#pragma once

#include "kernels/integer.hpp"
#include "kernels/recur-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// --- what M_x multiplies, as a function of the element j, and M_x itself ----------------------------

template <class V>
struct CodeProduct {  // the row of a token, and its own M_x
  const IntegerRecur& p;
  struct Step {
    typename V::reg multiplier;
    const int8_t* codes;
    HADAMRNN_INLINE typename V::reg operator()(int64_t j) const { return V::load_codes(codes + j); }
  };
  HADAMRNN_INLINE Step at(int64_t t) const {
    return {V::set(p.multipliers[p.ids[t]]), p.codes + p.ids[t] * p.geometry.size()};
  }
};

template <class V>
struct RowProduct {  // computed before, or the weights of one input x a step and x M_x
  const IntegerRecur& p;
  struct Step {
    typename V::reg multiplier;
    const int32_t* row;
    HADAMRNN_INLINE typename V::reg operator()(int64_t j) const { return V::load(row + j); }
  };
  HADAMRNN_INLINE Step at(int64_t t) const {
    if (p.x) return {V::set(p.x[t] * p.input_multiplier), p.rows};
    return {V::set(p.input_multiplier), p.rows + t * p.geometry.size()};
  }
};

// --- the rounded sum, before the activation ------------------------------------------------------------

// The sum of element `at`, whose acc is in x. By value, so that no store to the state makes the compiler read it again.
template <class V, class Step, IntegerLanes lanes>
struct RoundedSum {
  IntegerSum p;
  Step product;

  HADAMRNN_INLINE typename V::reg operator()(typename V::reg x, int64_t at) const {
    using reg = typename V::reg;
    const reg units = V::load(p.units + at), bias = V::load(p.bias + at);
    if constexpr (lanes == IntegerLanes::wide) {
      using wide = typename V::wide;
      // Half a unit, and minus the 2^31 by which the bias is stored too large; modulo 2^64.
      const wide constant =
          V::set_wide(int64_t((uint64_t(1) << (p.shift - 1)) - ((uint64_t(1) << 31) << p.input_shift)));
      const wide input = V::add_wide(V::mul_wide(product(at), product.multiplier), V::widen_unsigned(bias));
      const wide state = V::add_wide(V::mul_wide(x, units), constant);
      return V::shift_right(V::add_wide(state, V::shift_left(input, p.input_shift)), p.shift);
    } else {
      const reg input = V::add(V::mul(product(at), product.multiplier), bias);
      if constexpr (lanes == IntegerLanes::shifts)
        return V::shift_right(V::add(V::mul_sign(x, units), V::shift_right(input, p.input_shift)), p.shift);
      return V::shift_right(V::add(V::mul_high(V::mul(x, units), V::set(p.factor)), input), p.shift);
    }
  }
};

// --- the epilogue of one step -------------------------------------------------------------------------

template <class V, class Sum>
struct IntegerUpdate {
  Activation activation;
  int32_t low, high;
  const int32_t* threshold;
  Sum sum;

  template <int N>
  HADAMRNN_INLINE void operator()(typename V::reg (&r)[N], int64_t j, int64_t stride) const {
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = sum(r[i], j + i * stride);
    if (activation == Activation::sign) {  // one test for N registers; relu is linear with low = 0
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::sign(r[i]);
    } else if (activation == Activation::modrelu) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::modrelu(r[i], V::load(threshold + j + i * stride));
    }
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::min(V::max(r[i], V::set(low)), V::set(high));
  }
};

template <class V, class In, IntegerLanes lanes>
struct IntegerUpdates {
  const IntegerRecur& p;
  const In& in;
  using Sum = RoundedSum<V, typename In::Step, lanes>;
  HADAMRNN_INLINE IntegerUpdate<V, Sum> at(int64_t t) const {
    return {p.activation, p.low, p.high, p.modrelu, Sum{p.sum, in.at(t)}};
  }
};

// Calls f.run(updates) with the types of the input and the sum.
template <class V, class In, class F>
void with_sum(const IntegerRecur& p, const In& in, const F& f) {
  switch (p.sum.lanes) {
    case IntegerLanes::wide: return f.run(IntegerUpdates<V, In, IntegerLanes::wide>{p, in});
    case IntegerLanes::shifts: return f.run(IntegerUpdates<V, In, IntegerLanes::shifts>{p, in});
    case IntegerLanes::halves: return f.run(IntegerUpdates<V, In, IntegerLanes::halves>{p, in});
  }
}

template <class V, class F>
void with_updates(const IntegerRecur& p, const F& f) {
  if (p.codes) {
    with_sum<V>(p, CodeProduct<V>{p}, f);
  } else {
    with_sum<V>(p, RowProduct<V>{p}, f);
  }
}

// --- 16-bit lanes --------------------------------------------------------------------------------------

// `halves` for states and sums H z of 16 bits, linear or relu; all between them is in 32.
template <class S, class V, class Step>
struct ShortUpdate {
  IntegerSum p;
  int32_t low, high;
  Step product;

  template <int N>
  HADAMRNN_INLINE void operator()(typename S::reg (&r)[N], int64_t j, int64_t stride) const {
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) {
      const int64_t at = j + i * stride;
      typename V::reg low_sum, high_sum;
      S::mul_factor(S::mul_sign(r[i], I16::load(p.signs + at)), p.short_factor, low_sum, high_sum);
      r[i] = S::join(finished(low_sum, at), finished(high_sum, at + V::W));
      r[i] = S::min(S::max(r[i], S::set(int16_t(low))), S::set(int16_t(high)));
    }
  }

  HADAMRNN_INLINE typename V::reg finished(typename V::reg sum, int64_t at) const {
    const typename V::reg input = V::add(V::mul(product(at), product.multiplier), V::load(p.bias + at));
    return V::shift_right(V::add(sum, input), p.shift);
  }
};

template <class S, class V, class In>
struct ShortUpdates {
  const IntegerRecur& p;
  const In& in;
  HADAMRNN_INLINE ShortUpdate<S, V, typename In::Step> at(int64_t t) const { return {p.sum, p.low, p.high, in.at(t)}; }
};

template <class S, class V, class In>
void recur_short(const IntegerRecur& p, const In& in, int64_t steps) {
  using U = ShortUpdates<S, V, In>;
  const U updates{p, in};
  with_log2<S, ilog2(S::W)>(p.geometry.log2, RecurSmall<S, IntegerRecur, U>{p, updates, steps});
}

// Whether the order of the lanes, which is that of S, stays within a block, and a block within a tile.
template <class S>
bool short_blocks(const IntegerRecur& p) {
  return p.sum.signs && p.geometry.base == 1 && p.geometry.log2 >= ilog2(S::W) && p.geometry.log2 <= tile_log2<S>;
}

template <class S>
void shorten_integers(const int32_t* x, int64_t n, int16_t* out) {
  if constexpr (S::W > 0) {
    if (n % S::W == 0) {
      for (int64_t j = 0; j < n; j += S::W) I16::store(out + j, S::load(x + j));
      return;
    }
  }
  for (int64_t j = 0; j < n; ++j) out[j] = int16_t(x[j]);  // for none
}

// --- all steps, or one ----------------------------------------------------------------------------------

template <class V>
struct AllSteps {
  const IntegerRecur& p;
  int64_t steps;
  template <class U>
  void run(const U& updates) const {
    recur_steps<V>(p, updates, steps);
  }
};

template <class V, class S>
void recur_integers(const IntegerRecur& p, int64_t steps) {
  if constexpr (S::W > 0) {
    if (short_blocks<S>(p)) {
      if (p.codes) return recur_short<S, V>(p, CodeProduct<V>{p}, steps);
      return recur_short<S, V>(p, RowProduct<V>{p}, steps);
    }
  }
  with_updates<V>(p, AllSteps<V>{p, steps});
}

template <class V>
struct OneStep {
  const IntegerRecur& p;
  const int32_t* acc;
  int64_t t;
  int32_t* out;
  template <class U>
  void run(const U& updates) const {
    const auto update = updates.at(t);
    for (int64_t j = 0; j < p.geometry.size(); j += V::W) {
      typename V::reg r[1] = {V::load(acc + j)};
      update(r, j, V::W);
      V::store(out + j, r[0]);
    }
  }
};

// One step whose product comes from another kernel than the transform.
template <class V>
void update_integers(const IntegerRecur& p, const int32_t* acc, int64_t t, int32_t* out) {
  with_updates<V>(p, OneStep<V>{p, acc, t, out});
}

// --- dense products of codes ----------------------------------------------------------------------------

template <class V>
void project_integers(const int8_t* codes, const int32_t* x, int64_t d, int64_t n, int64_t count, int32_t* rows) {
  for (int64_t i = 0; i < count; ++i, x += d, rows += n) {
    for (int64_t k = 0; k < n; k += V::W) {
      typename V::reg sum = V::set(0);
      for (int64_t j = 0; j < d; ++j) sum = V::add(sum, V::mul(V::load_codes(codes + j * n + k), V::set(x[j])));
      V::store(rows + k, sum);
    }
  }
}

template <class V>
void readout_integers(const int8_t* codes, const int32_t* bias, const int32_t* z, int64_t n, int64_t o, int64_t count,
                      int32_t* y) {
  for (int64_t i = 0; i < count; ++i, z += n, y += o) {
    for (int64_t k = 0; k < o; ++k) {
      typename V::reg sum = V::set(0);
      for (int64_t j = 0; j < n; j += V::W) {
        sum = V::add(sum, V::mul(V::load_codes(codes + k * n + j), V::relu(V::load(z + j))));
      }
      int32_t lane[V::W];
      V::store(lane, sum);
      y[k] = bias[k];
      for (int l = 0; l < V::W; ++l) y[k] += lane[l];
    }
  }
}

const IntegerTable integer_table = {
    recur_integers<I32, Short>, update_integers<I32>,  shorten_integers<Short>,
    project_integers<I32>,      readout_integers<I32>,
};

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
