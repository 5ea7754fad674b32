// The integer recurrence, written once over I32 and its 64-bit lanes (V::wide).
//
//   total = (u acc) M_h + (product M_x + beta) 2^s,   z = sat(act((total + 2^(F-1)) >> F))
//
// The model proves that acc, product and the shifted total fit 32 bits and total 64
// (python/hadamrnn_ext/integer/bounds.py), so nothing here rounds but the one shift.
#pragma once

#include "kernels/integer.hpp"
#include "kernels/recur-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// --- what M_x multiplies, as a function of the element j, and M_x itself ----------------------------

template <class V>
struct CodeProduct {  // one input x a step: codes times x M_x; or the row of a token times its own M_x
  const IntegerRecur& p;
  struct Step {
    typename V::reg multiplier;
    const int8_t* codes;
    HADAMRNN_INLINE typename V::reg operator()(int64_t j) const { return V::load_codes(codes + j); }
  };
  HADAMRNN_INLINE Step at(int64_t t) const {
    if (p.x) return {V::set(p.x[t] * p.input_multiplier), p.codes};
    return {V::set(p.multipliers[p.ids[t]]), p.codes + p.ids[t] * p.geometry.size()};
  }
};

template <class V>
struct RowProduct {  // computed before
  const IntegerRecur& p;
  struct Step {
    typename V::reg multiplier;
    const int32_t* row;
    HADAMRNN_INLINE typename V::reg operator()(int64_t j) const { return V::load(row + j); }
  };
  HADAMRNN_INLINE Step at(int64_t t) const { return {V::set(p.input_multiplier), p.rows + t * p.geometry.size()}; }
};

// --- the epilogue of one step -------------------------------------------------------------------------

// By value, so that no store to the state makes the compiler read it again.
template <class V, class Step, bool linear>
struct IntegerUpdate {
  Activation activation;
  int32_t fraction_bits, input_shift, low, high;
  const int32_t *multiplier, *bias, *threshold;
  Step product;

  IntegerUpdate(const IntegerRecur& p, const Step& step)
      : activation(p.activation),
        fraction_bits(p.fraction_bits),
        input_shift(p.input_shift),
        low(p.low),
        high(p.high),
        multiplier(p.multiplier),
        bias(p.bias),
        threshold(p.modrelu),
        product(step) {}

  template <int N>
  HADAMRNN_INLINE void operator()(typename V::reg (&r)[N], int64_t j, int64_t stride) const {
    using wide = typename V::wide;
    // Half a unit, and minus the 2^31 by which the bias is stored too large; modulo 2^64.
    const wide constant =
        V::set_wide(int64_t((uint64_t(1) << (fraction_bits - 1)) - ((uint64_t(1) << 31) << input_shift)));
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) {
      const int64_t at = j + i * stride;
      const wide input =
          V::add_wide(V::mul_wide(product(at), product.multiplier), V::widen_unsigned(V::load(bias + at)));
      const wide state = V::add_wide(V::mul_wide(r[i], V::load(multiplier + at)), constant);
      r[i] = V::shift_right(V::add_wide(state, V::shift_left(input, input_shift)), fraction_bits);
    }
    if constexpr (!linear) {  // one test for N registers
      if (activation == Activation::sign) {
        HADAMRNN_UNROLL
        for (int i = 0; i < N; ++i) r[i] = V::sign(r[i]);
        return;
      }
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::modrelu(r[i], V::load(threshold + j + i * stride));
    }
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::min(V::max(r[i], V::set(low)), V::set(high));
  }
};

template <class V, class In, bool linear>
struct IntegerUpdates {
  const IntegerRecur& p;
  const In& in;
  HADAMRNN_INLINE IntegerUpdate<V, typename In::Step, linear> at(int64_t t) const { return {p, in.at(t)}; }
};

// Calls f.run(updates) with the types of the input and the activation; relu is linear with low = 0.
template <class V, class In, class F>
void with_activation(const IntegerRecur& p, const In& in, const F& f) {
  if (p.activation == Activation::linear || p.activation == Activation::relu) {
    f.run(IntegerUpdates<V, In, true>{p, in});
  } else {
    f.run(IntegerUpdates<V, In, false>{p, in});
  }
}

template <class V, class F>
void with_updates(const IntegerRecur& p, const F& f) {
  if (p.codes) {
    with_activation<V>(p, CodeProduct<V>{p}, f);
  } else {
    with_activation<V>(p, RowProduct<V>{p}, f);
  }
}

template <class V>
struct AllSteps {
  const IntegerRecur& p;
  int64_t steps;
  template <class U>
  void run(const U& updates) const {
    recur_steps<V>(p, updates, steps);
  }
};

template <class V>
void recur_integers(const IntegerRecur& p, int64_t steps) {
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
    recur_integers<I32>,
    update_integers<I32>,
    project_integers<I32>,
    readout_integers<I32>,
};

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
