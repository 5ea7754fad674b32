// The tensors that a file need not hold, as in python/hadamrnn_ext/file/tensors.py.
#include <cstring>

#include "file/codes.hpp"
#include "file/parameters.hpp"

namespace hadamrnn::file {
namespace {

std::vector<int8_t> drawn_codes(const Card& card) {
  const LayerCard& layer = card.layers.front();
  const int64_t blocks = card.input_activation.empty() ? layer.blocks() : 0;
  const auto draw = card.tokens ? &Drawn::tokens : &Drawn::features;
  return (*card.drawn.*draw)(layer.hidden_size, card.input_width(), blocks);
}

MadeTensor bytes(std::vector<uint8_t> values) {
  const auto size = int64_t(values.size());
  return {Dtype::u8, {size}, std::move(values)};
}

// One float32.
MadeTensor scale(float value) {
  std::vector<uint8_t> raw(sizeof value);
  std::memcpy(raw.data(), &value, sizeof value);
  return {Dtype::f32, {1}, std::move(raw)};
}

}  // namespace

std::map<std::string, MadeTensor> regenerated(const Card& card) {
  std::map<std::string, MadeTensor> made;
  if (!card.drawn) return made;
  const LayerCard& layer = card.layers.front();
  const std::vector<uint8_t> nothing(size_t(packed_bytes(layer.hidden_size, code_width(card.bias_bits))));
  made["layers.0.signs"] = bytes(pack_signs(card.drawn->signs(layer.hidden_size)));
  if (!card.integer || !card.tokens) made["input.codes"] = bytes(pack_codes(drawn_codes(card), Drawn::bits));
  if (!card.integer) {
    made["layers.0.decays"] = bytes(card.drawn->decays(layer.blocks()));
    made["layers.0.bias_codes"] = bytes(nothing);
    made["layers.0.bias_scale"] = scale(1);
  } else if (!card.tokens) {
    made["layers.0.bias"] = bytes(nothing);
  }
  return made;
}

}  // namespace hadamrnn::file
