// The integer recurrence, written once over I32 and its 64-bit lanes (V::wide).
//
//   total = (u acc) M_h + (product M_x + beta) 2^s,   z = sat(act((total + 2^(F-1)) >> F))
//
// The model proves that acc, product and the shifted total fit 32 bits and total 64, and where 32 are enough
// (python/hadamrnn_ext/integer/bounds.py), so nothing here rounds but the one shift.
#pragma once

#include "kernels/recur-inl.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// What M_x multiplies, as a function of the element j, and M_x itself.
enum class Factor { codes, row, any };

template <class V, Factor factor>
struct Product {
  using reg = typename V::reg;
  reg multiplier;
  const int8_t* codes;  // the row of a token
  const int32_t* row;   // computed before, or the weights of one input x a step, and then x M_x multiplies them

  Product(const IntegerRecur& p, int64_t t) : codes(nullptr), row(nullptr) {
    if (factor == Factor::codes || (factor == Factor::any && p.codes)) {
      multiplier = V::set(p.multipliers[p.ids[t]]);
      codes = p.codes + p.ids[t] * p.geometry.size();
    } else if (p.x) {
      multiplier = V::set(p.x[t] * p.input_multiplier);
      row = p.rows;
    } else {
      multiplier = V::set(p.input_multiplier);
      row = p.rows + t * p.geometry.size();
    }
  }

  HADAMRNN_INLINE reg load(int64_t j) const {
    if constexpr (factor == Factor::codes) return V::load_codes(codes + j);
    if constexpr (factor == Factor::row) return V::load(row + j);
    return codes ? V::load_codes(codes + j) : V::load(row + j);
  }
};

// --- the epilogue of one step -------------------------------------------------------------------------

// What an epilogue knows when it is compiled; see Kind.
enum class IntegerKind { shifts_row, halves_row, halves_codes, any };

constexpr Factor factor_of(IntegerKind kind) {
  return kind == IntegerKind::any ? Factor::any : kind == IntegerKind::halves_codes ? Factor::codes : Factor::row;
}

template <class V, IntegerKind kind>
struct IntegerUpdate {
  using reg = typename V::reg;
  IntegerSum p;  // by value, so that no store to the state makes the compiler read it again
  Activation activation;
  int32_t low, high;
  const int32_t* threshold;
  Product<V, factor_of(kind)> product;

  IntegerUpdate(const IntegerRecur& r, int64_t t)
      : p(r.sum), activation(r.activation), low(r.low), high(r.high), threshold(r.modrelu), product(r, t) {}

  template <int N>
  HADAMRNN_INLINE void operator()(reg (&r)[N], int64_t j, int64_t stride) const {
    if (kind == IntegerKind::shifts_row || (kind == IntegerKind::any && p.lanes == IntegerLanes::shifts)) {
      sums<IntegerLanes::shifts>(r, j, stride);
    } else if (kind != IntegerKind::any || p.lanes == IntegerLanes::halves) {
      sums<IntegerLanes::halves>(r, j, stride);
    } else {
      sums<IntegerLanes::wide>(r, j, stride);
    }
    if (activation == Activation::sign) {  // relu is linear with low = 0
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::sign(r[i]);
    } else if (activation == Activation::modrelu) {
      HADAMRNN_UNROLL
      for (int i = 0; i < N; ++i) r[i] = V::modrelu(r[i], V::load(threshold + j + i * stride));
    }
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = V::min(V::max(r[i], V::set(low)), V::set(high));
  }

  template <IntegerLanes lanes, int N>
  HADAMRNN_INLINE void sums(reg (&r)[N], int64_t j, int64_t stride) const {
    HADAMRNN_UNROLL
    for (int i = 0; i < N; ++i) r[i] = rounded_sum<lanes>(r[i], j + i * stride);
  }

  // The sum of element `at`, whose acc is in x, before the activation.
  template <IntegerLanes lanes>
  HADAMRNN_INLINE reg rounded_sum(reg x, int64_t at) const {
    const reg units = V::load(p.units + at), bias = V::load(p.bias + at);
    if constexpr (lanes == IntegerLanes::wide) {
      using wide = typename V::wide;
      // Half a unit, and minus the 2^31 by which the bias is stored too large; modulo 2^64.
      const wide constant =
          V::set_wide(int64_t((uint64_t(1) << (p.shift - 1)) - ((uint64_t(1) << 31) << p.input_shift)));
      const wide input = V::add_wide(V::mul_wide(product.load(at), product.multiplier), V::widen_unsigned(bias));
      const wide state = V::add_wide(V::mul_wide(x, units), constant);
      return V::shift_right(V::add_wide(state, V::shift_left(input, p.input_shift)), p.shift);
    } else {
      const reg input = V::add(V::mul(product.load(at), product.multiplier), bias);
      if constexpr (lanes == IntegerLanes::shifts)
        return V::shift_right(V::add(V::mul_sign(x, units), V::shift_right(input, p.input_shift)), p.shift);
      return V::shift_right(V::add(V::mul_high(V::mul(x, units), V::set(p.factor)), input), p.shift);
    }
  }
};

template <class V, IntegerKind kind>
struct IntegerUpdates {
  const IntegerRecur& p;
  HADAMRNN_INLINE IntegerUpdate<V, kind> at(int64_t t) const { return {p, t}; }
};

// --- 16-bit lanes --------------------------------------------------------------------------------------

// `halves` for states and sums H z of 16 bits, linear or relu; all between them is in 32.
template <class S, class V, Factor factor>
struct ShortUpdate {
  IntegerSum p;
  int32_t low, high;
  Product<V, factor> product;

  ShortUpdate(const IntegerRecur& r, int64_t t) : p(r.sum), low(r.low), high(r.high), product(r, t) {}

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
    const typename V::reg input = V::add(V::mul(product.load(at), product.multiplier), V::load(p.bias + at));
    return V::shift_right(V::add(sum, input), p.shift);
  }
};

template <class S, class V, Factor factor>
struct ShortUpdates {
  const IntegerRecur& p;
  HADAMRNN_INLINE ShortUpdate<S, V, factor> at(int64_t t) const { return {p, t}; }
};

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

// One step whose product comes from another kernel than the transform.
template <class V>
void update_integers(const IntegerRecur& p, const int32_t* acc, int64_t t, int32_t* out) {
  update_rows<V>(IntegerUpdate<V, IntegerKind::any>(p, t), p.geometry.size(), acc, out);
}

template <class V, IntegerKind kind>
void recur_kind(const IntegerRecur& p, int64_t steps) {
  recur_steps<V>(p, IntegerUpdates<V, kind>{p}, steps);
}

// Through memory, for what no bundled model needs: 64-bit sums, and tokens with `shifts`.
template <class V>
void recur_any(const IntegerRecur& p, int64_t steps) {
  const int32_t* z = p.in;
  int32_t* out = p.out;
  for (int64_t t = 0; t < steps; ++t, out += p.stride) {
    transform<V>(p.geometry, z, out, p.scratch, false);
    update_integers<V>(p, out, t, out);
    z = out;
  }
}

template <class S, class V, bool full, Factor factor>
void recur_short(const IntegerRecur& p, int64_t steps) {
  recur_tiles<S, tile_regs<S>, full>(p, ShortUpdates<S, V, factor>{p}, 0, steps);
}

template <class V, class S>
void recur_integers(const IntegerRecur& p, int64_t steps) {
  if constexpr (S::W > 0) {
    if (short_blocks<S>(p)) {
      if (p.geometry.log2 < tile_log2<S>) return recur_short<S, V, false, Factor::any>(p, steps);
      if (p.codes) return recur_short<S, V, true, Factor::codes>(p, steps);
      return recur_short<S, V, true, Factor::row>(p, steps);
    }
    if (p.sum.lanes == IntegerLanes::halves) {
      if (p.codes) return recur_kind<V, IntegerKind::halves_codes>(p, steps);
      return recur_kind<V, IntegerKind::halves_row>(p, steps);
    }
    if (p.sum.lanes == IntegerLanes::shifts && !p.codes) return recur_kind<V, IntegerKind::shifts_row>(p, steps);
  }
  recur_any<V>(p, steps);
}

// --- features as integers -------------------------------------------------------------------------------

// At most 16 bits are left after the clamp, which adding and subtracting 1.5 2^23 rounds.
template <class F, class V>
HADAMRNN_INLINE void quantize_lanes(const float* x, float scale, float low, float high, int32_t* q) {
  const typename F::reg magic = F::set(12582912.0f);
  const typename F::reg y = F::min(F::max(F::div(F::load(x), F::set(scale)), F::set(low)), F::set(high));
  V::store(q, V::from_float(F::sub(F::add(y, magic), magic)));
}

template <class F, class V>
void quantize(const float* x, int64_t count, float scale, float low, float high, int32_t* q) {
  int64_t j = 0;
  for (; j + V::W <= count; j += V::W) quantize_lanes<F, V>(x + j, scale, low, high, q + j);
  if (j == count) return;
  float last[V::W] = {};
  int32_t codes[V::W];
  for (int64_t k = j; k < count; ++k) last[k - j] = x[k];
  quantize_lanes<F, V>(last, scale, low, high, codes);
  for (int64_t k = j; k < count; ++k) q[k] = codes[k - j];
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

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
