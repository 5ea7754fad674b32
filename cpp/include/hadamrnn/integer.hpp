// An integer model: no float between the quantized input and the logits. What the constants mean is
// written in python/hadamrnn_ext/golden/integers.py.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hadamrnn/layer.hpp"
#include "hadamrnn/model.hpp"

namespace hadamrnn {

struct IntegerLayerSpec {
  Layer layer;             // geometry, signs, recurrence and input signs; its floats are not read
  int32_t state_bits = 0;  // k; 1 for sign, whose states are +-1
  float state_scale = 0;   // s_h
  int32_t fraction_bits = 0;
  int32_t multiplier = 0;
  int32_t input_multiplier = 0;  // not read above a token table
  int32_t input_shift = 0;
  bool narrow = false;           // the caller has proven that in units of 2^input_shift all sums fit 32 bits
  std::vector<int32_t> bias;     // (n)
  std::vector<int32_t> modrelu;  // (n) for modrelu, else empty
};

// The layer of a network that forgets: what its constants mean is written in
// python/hadamrnn_ext/golden/forgetting.py. Those of blocks are (q).
struct BlockSpec {
  Layer layer;  // as of IntegerLayerSpec
  int32_t state_bits = 0;
  int32_t fraction_bits = 0;              // f
  int32_t product_shift = 0;              // g
  bool is_short = false;                  // the caller has proven that a step is exact in lanes of 16 bits
  std::vector<float> scale;               // (q) s
  std::vector<int32_t> multiplier;        // (q) M_h
  std::vector<int32_t> input_multiplier;  // (q) M_x; empty for tokens, as the two below
  std::vector<int32_t> input_bound;       // (q) C; empty: not clipped
  std::vector<int32_t> bias;              // (n) beta
  std::vector<int32_t> input_shift;       // (q) r
  bool rectified = false;                 // phi is relu
  bool differences = false;
  std::vector<int32_t> thresholds;  // (count, n)
  int64_t count = 0;                // of a unit; 0: there is no pool
  bool excess = false, share = false;
  int32_t time_constant = 0;
};

// All arrays row-major, in natural order. The caller has proven that no sum overflows.
struct IntegerSpec {
  std::vector<IntegerLayerSpec> layers;  // or
  std::optional<BlockSpec> blocks;
  int64_t input_size = 0;     // columns of codes, twice the features with differences; 0 for tokens
  std::vector<int8_t> codes;  // (n, d), or the table (tokens_count, n)
  float input_scale = 1;      // s_x
  int32_t input_low = 0;      // q = clamp(rint(x / s_x)) to these; NaN is refused
  int32_t input_high = 0;
  int64_t tokens_count = 0;          // 0 for features
  std::vector<int32_t> multipliers;  // (tokens_count)
  int64_t output_size = 0;
  bool integer_readout = false;
  std::vector<float> output_weight;    // (o, n), or the features of a pool; or, with an integer readout,
  std::vector<int8_t> output_codes;    // the same
  std::vector<float> output_bias;      // (o); or
  std::vector<int32_t> output_offset;  // (o)
  float logit_scale = 1;
  Output output = Output::last;
  Kernel kernel = Kernel::automatic;
};

}  // namespace hadamrnn
