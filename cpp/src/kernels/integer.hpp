// What the kernels of integer models read.
#pragma once

#include "kernels/geometry.hpp"

namespace hadamrnn {

// How z = (u acc M_h + in_t + 2^(F-1)) >> F is added up: in 64 bits, or in 32 where nothing is lost.
enum class IntegerLanes : int8_t {
  wide,
  // M_h is 2^j, j >= s: z = (u acc + ((product M_x + beta + 2^(F-1-s)) >> (j-s))) >> (F-j)
  shifts,
  // Counted in units of 2^s all terms fit, and all but u acc M_h are whole, so that it may be rounded down:
  // z = (floor(u acc M_h / 2^s) + product M_x + beta + 2^(F-1-s)) >> (F-s)
  // with the upper half of (acc u 2^a) (M_h 2^b), a + b = 32 - s, for the first term.
  halves
};

struct IntegerSum {
  IntegerLanes lanes;
  int32_t shift;         // the last one: F, F - j or F - s
  int32_t input_shift;   // to the left, s; to the right, j - s; none
  int32_t factor;        // M_h 2^b of `halves`
  const int32_t* units;  // u M_h, u or u 2^a; zero in the padding
  const int32_t* bias;   // the bits of beta + 2^31 without a sign; in 32 bits beta + 2^(F-1-s)
  // Where acc fits 16 bits: u in the order of `shorten`, and M_h 2^(16-s). Else null, and `halves` is computed as
  // above.
  const int16_t* signs;
  int32_t short_factor;
};

// z_t = sat(act(round_shift_F((u H z_(t-1)) M_h + in_t))), the integer recurrence, exactly; see
// integer-inl.hpp for in_t. Names and proofs: python/hadamrnn_ext/golden/integers.py.
struct IntegerRecur {
  Geometry<int32_t> geometry;
  Activation activation;
  IntegerSum sum;
  const int32_t* modrelu;    // thresholds, only for Activation::modrelu
  int32_t low, high;         // what the state saturates at; low = 0 makes a linear recurrence relu
  int32_t input_multiplier;  // M_x, unless there are ids
  // What M_x multiplies: row ids[t] of `codes` with multipliers[ids[t]] for M_x (tokens); else the first row of
  // `rows` times x[t] (one input a step), or without x row t of them.
  const int8_t* codes;
  const int32_t* x;
  const int32_t* ids;
  const int32_t* multipliers;
  const int32_t* rows;
  const int32_t* in;  // z_0
  int32_t* out;       // as in Recur
  int64_t stride;
  int32_t* scratch;
};

}  // namespace hadamrnn
