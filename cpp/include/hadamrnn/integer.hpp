// An integer model: no float between the quantized input and the logits. What the constants mean is
// written in python/hadamrnn_ext/golden/integers.py.
#pragma once

#include <cstdint>
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

// All arrays row-major, in natural order. The caller has proven that no sum overflows.
struct IntegerSpec {
  std::vector<IntegerLayerSpec> layers;
  int64_t input_size = 0;     // d; 0 for tokens
  std::vector<int8_t> codes;  // (n, d), or the table (tokens_count, n)
  float input_scale = 1;      // s_x
  int32_t input_low = 0;      // q = clamp(rint(x / s_x)) to these; NaN is refused
  int32_t input_high = 0;
  int64_t tokens_count = 0;          // 0 for features
  std::vector<int32_t> multipliers;  // (tokens_count)
  int64_t output_size = 0;
  bool integer_readout = false;
  std::vector<float> output_weight;    // (o, n); or, with an integer readout,
  std::vector<int8_t> output_codes;    // (o, n)
  std::vector<float> output_bias;      // (o); or
  std::vector<int32_t> output_offset;  // (o)
  float logit_scale = 1;
  Output output = Output::last;
  Kernel kernel = Kernel::automatic;
};

}  // namespace hadamrnn
