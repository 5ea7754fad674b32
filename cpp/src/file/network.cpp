#include "file/network.hpp"

#include "file/construction.hpp"

namespace hadamrnn::file {

Layer build_layer(const Card& card, const Parameters& parameters, size_t i, const std::string& prefix) {
  const LayerCard& layer = card.layers[i];
  const std::string stem = prefix + "layers." + std::to_string(i) + ".";
  const auto find = [&](const char* name) {
    const auto found = parameters.find(stem + name);
    return found == parameters.end() ? Parameter{} : found->second;
  };
  LayerSpec spec;
  spec.hidden_size = layer.hidden_size;
  spec.block_size = layer.block_size;
  spec.base = int32_t(base_order(layer.block_size));
  spec.core = core_matrix(spec.base);
  spec.signs = find("signs").i8;
  spec.bias = find("bias").f32;
  spec.recurrence = layer.recurrence;
  spec.modrelu = find("modrelu").f32;
  if (card.integer) {  // its numbers are elsewhere, but no layer can be made without these
    spec.bias.assign(size_t(layer.hidden_size), 0.0f);
    if (layer.recurrence == "modrelu") spec.modrelu = spec.bias;
  }
  for (const int32_t code : find("decays").i32) spec.decays.push_back(uint8_t(code));
  if (i > 0) {
    spec.input_size = card.layers[i - 1].hidden_size;
    spec.input_signs = find("input_signs").i8;
  }
  return Layer(spec);
}

Model build(const Card& card, const Parameters& parameters, const std::string& prefix) {
  ModelSpec spec;
  for (size_t i = 0; i < card.layers.size(); ++i) spec.layers.push_back(build_layer(card, parameters, i, prefix));
  spec.input_size = card.input_width();
  spec.input_weight = parameters.at(prefix + "input.weight").f32;
  if (!card.input_activation.empty()) spec.input_activation = card.input_activation;
  spec.differences = card.differences;
  spec.tokens = card.tokens;
  if (card.embedding_size > 0) {
    spec.tokens_count = card.input_size;
    spec.embedding = parameters.at("embedding.weight").f32;
  }
  spec.output_size = card.output_size;
  spec.output_weight = parameters.at(prefix + "output.weight").f32;
  spec.output_bias = parameters.at("output.bias").f32;
  if (!prefix.empty()) spec.output_bias.assign(spec.output_bias.size(), 0.0f);
  if (card.pool) {
    spec.pool = {parameters.at("pool.thresholds").f32, card.pool->thresholds, card.pool->excess, card.pool->share,
                 card.pool->time_constant};
  }
  spec.output = card.output;
  return Model(spec);
}

}  // namespace hadamrnn::file
