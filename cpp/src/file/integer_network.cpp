// The core's model of an integer card.
#include "file/bounds.hpp"
#include "file/network.hpp"
#include "hadamrnn/integer.hpp"

namespace hadamrnn::file {
namespace {

IntegerLayerSpec layer_spec(const Card& card, const Parameters& parameters, size_t i) {
  const std::string stem = "layers." + std::to_string(i) + ".";
  const IntegerLayerCard& c = card.integer->layers[i];
  IntegerLayerSpec spec{build_layer(card, parameters, i, ""),
                        c.state_bits,
                        float(c.state_scale),
                        c.fraction_bits,
                        c.multiplier,
                        c.input_multiplier.value_or(0),
                        c.input_shift,
                        prove_layer(card, parameters, i),
                        parameters.at(stem + "bias").i32,
                        {}};
  if (card.layers[i].recurrence == "modrelu") spec.modrelu = parameters.at(stem + "modrelu").i32;
  return spec;
}

BlockSpec block_spec(const Card& card, const Parameters& parameters) {
  const auto find = [&](const char* name) {
    const auto found = parameters.find(std::string("layers.0.") + name);
    return found == parameters.end() ? std::vector<int32_t>() : found->second.i32;
  };
  const IntegerBlocksCard& blocks = *card.integer->blocks;
  BlockSpec spec{
      build_layer(card, parameters, 0, ""), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  spec.state_bits = blocks.state_bits;
  spec.fraction_bits = blocks.fraction_bits;
  spec.product_shift = blocks.product_shift;
  spec.is_short = prove_blocks(card, parameters);
  spec.scale = parameters.at("layers.0.state_scale").f32;
  spec.multiplier = find("multiplier");
  spec.input_multiplier = find("input_multiplier");
  spec.input_bound = find("input_bound");
  for (const int64_t beta : block_bias(card, parameters)) spec.bias.push_back(int32_t(beta));
  spec.input_shift = find("input_shift");
  spec.rectified = card.input_activation == "relu";
  spec.differences = card.differences;
  if (card.pool) {
    spec.thresholds = parameters.at("pool.thresholds").i32;
    spec.count = card.pool->thresholds;
    spec.excess = card.pool->excess;
    spec.share = card.pool->share;
    spec.time_constant = card.pool->time_constant;
  }
  return spec;
}

}  // namespace

Model build_integer(const Card& card, const Parameters& parameters) {
  const IntegerCard& integer = *card.integer;
  IntegerSpec spec;
  if (integer.blocks) {
    spec.blocks = block_spec(card, parameters);
  } else {
    for (size_t i = 0; i < card.layers.size(); ++i) spec.layers.push_back(layer_spec(card, parameters, i));
  }
  prove_readout(card, parameters);
  if (card.tokens) {
    spec.codes = parameters.at("table.codes").i8;
    spec.tokens_count = card.input_size;
    spec.multipliers = parameters.at("table.multiplier").i32;
  } else {
    spec.codes = parameters.at("input.codes").i8;
    spec.input_size = card.input_width();
    spec.input_scale = float(integer.input->scale);
    spec.input_low = integer.input->low;
    spec.input_high = integer.input->high;
  }
  spec.output_size = card.output_size;
  spec.integer_readout = integer.integer_readout;
  if (spec.integer_readout) {
    spec.output_codes = parameters.at("output.codes").i8;
    spec.output_offset = parameters.at("output.bias").i32;
  } else {
    spec.output_weight = parameters.at("output.weight").f32;
    spec.output_bias = parameters.at("output.bias").f32;
  }
  spec.logit_scale = float(integer.logit_scale);
  spec.output = card.output;
  return Model(spec);
}

}  // namespace hadamrnn::file
