#pragma once

#include <memory>
#include <vector>

#include "aligned.hpp"
#include "block_data.hpp"
#include "kernels/integer.hpp"

namespace hadamrnn {

// What an integer model has beside the packed layers of ModelData. Storage order.
struct IntegerLayerData {
  int32_t state_bits;
  float state_scale;
  int32_t input_multiplier;
  int32_t low, high;
  IntegerSum sum;                        // but for its pointers
  Buffer<int32_t> units, bias, modrelu;  // as IntegerRecur wants them
  Buffer<int16_t> signs;                 // empty where a sum takes more than 16 bits
};

struct IntegerData {
  std::vector<IntegerLayerData> layers;
  std::unique_ptr<const BlockData> blocks;  // of a network that forgets, instead of the layers and of the four below
  Buffer<int8_t> codes;                     // (d, n), or (token_count, n)
  Buffer<int32_t> row;                      // the codes of a single feature
  std::vector<int32_t> multipliers;
  float input_scale;
  int32_t input_low, input_high;
  bool integer_readout;
  Buffer<int8_t> output_codes;  // (o, n)
  std::vector<int32_t> output_offset;
  float logit_scale;
};

}  // namespace hadamrnn
