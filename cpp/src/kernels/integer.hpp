// The kernels of integer models: a table of their own beside KernelTable, with the same rules.
#pragma once

#include "kernels/table.hpp"

namespace hadamrnn {

// z_t = sat(act(round_shift_F((u H z_(t-1)) M_h + in_t))), the integer recurrence, exactly; see
// integer-inl.hpp for in_t. Names and proofs: python/hadamrnn_ext/golden_integer.py.
struct IntegerRecur {
  Geometry<int32_t> geometry;
  Activation activation;
  const int32_t* multiplier;  // u M_h, zero in the padding
  const int32_t* modrelu;     // thresholds, only for Activation::modrelu
  int32_t fraction_bits;      // F, 1..30
  int32_t input_shift;        // s
  int32_t low, high;          // what the state saturates at; low = 0 makes a linear recurrence relu
  const int32_t* bias;        // the bits of beta + 2^31 without a sign
  int32_t input_multiplier;   // M_x, unless there are ids
  // What M_x multiplies: when `codes` are given, they times x[t] (one input a step), or without x row ids[t]
  // of them with multipliers[ids[t]] (tokens); else row t of `rows`.
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

// Callers prove that no sum leaves 32 bits where it is said to fit there.
struct IntegerTable {
  void (*recur)(const IntegerRecur&, int64_t steps);
  // One step whose product H z is already in `acc`; reads the input at time t.
  void (*update)(const IntegerRecur&, const int32_t* acc, int64_t t, int32_t* out);
  // rows[i] = codes x[i] for `count` rows x of d values; codes are (d, n), n padded.
  void (*project)(const int8_t* codes, const int32_t* x, int64_t d, int64_t n, int64_t count, int32_t* rows);
  // y[i] = codes relu(z[i]) + bias; codes are (o, n), n padded; z is (count, n), y is (count, o).
  void (*readout)(const int8_t* codes, const int32_t* bias, const int32_t* z, int64_t n, int64_t o, int64_t count,
                  int32_t* y);
};

namespace scalar {
extern const IntegerTable integer_table;
}
namespace avx2 {
extern const IntegerTable integer_table;
}
namespace avx512 {
extern const IntegerTable integer_table;
}
namespace neon {
extern const IntegerTable integer_table;
}

}  // namespace hadamrnn
