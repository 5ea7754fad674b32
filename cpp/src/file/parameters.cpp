// The one table of a model's parameters, as in python/hadamrnn_ext/file/tensors.py.
#include "file/parameters.hpp"

namespace hadamrnn::file {
namespace {

// The weights of a float matrix.
Entry weight(const std::string& name, std::vector<int64_t> shape, int bits) {
  return {name, std::move(shape), bits == 0 ? Storage::f32 : Storage::quantized, bits};
}

void add_input(const Card& card, std::vector<Entry>& out) {
  const int64_t n = card.layers.front().hidden_size;
  if (!card.integer) {
    out.push_back(weight("input.weight", {n, card.input_width()}, card.weight_bits));
    if (card.embedding_size > 0) {
      out.push_back({"embedding.weight",
                     {card.input_size, card.embedding_size},
                     card.embedding_bits == 0 ? Storage::f32 : Storage::quantized_rows});
    }
  } else if (card.tokens) {
    out.push_back({"table.codes", {card.input_size, n}, Storage::codes, card.weight_bits});
    out.push_back({"table.multiplier", {card.input_size}, Storage::i32});
  } else {
    out.push_back({"input.codes", {n, card.input_width()}, Storage::codes, card.weight_bits});
  }
}

// The constants of an integer layer that forgets.
void add_blocks(const Card& card, std::vector<Entry>& out) {
  const LayerCard& layer = card.layers.front();
  const int64_t q = layer.blocks();
  out.push_back({"layers.0.state_scale", {q}, Storage::f32});
  out.push_back({"layers.0.multiplier", {q}, Storage::i32});
  out.push_back({"layers.0.input_shift", {q}, Storage::u8});
  if (card.tokens) return;  // phi and the bias are folded into the table
  out.push_back({"layers.0.input_multiplier", {q}, Storage::i32});
  if (card.input_activation == "clip") out.push_back({"layers.0.input_bound", {q}, Storage::i32});
  if (card.bias_bits == 0) {
    out.push_back({"layers.0.bias", {layer.hidden_size}, Storage::i32});
  } else {
    out.push_back({"layers.0.bias", {layer.hidden_size}, Storage::codes, card.bias_bits});
    out.push_back({"layers.0.bias_multiplier", {q}, Storage::i32});
  }
}

void add_layer(const Card& card, size_t i, std::vector<Entry>& out) {
  const std::string prefix = "layers." + std::to_string(i) + ".";
  const LayerCard& layer = card.layers[i];
  const int64_t n = layer.hidden_size;
  const Storage number = card.integer ? Storage::i32 : Storage::f32;
  out.push_back({prefix + "signs", {n}, Storage::signs});
  if (card.integer && card.integer->blocks) return add_blocks(card, out);
  const Storage bias = card.bias_bits == 0   ? number
                       : card.bias_bits == 8 ? Storage::quantized_bytes
                                             : Storage::quantized;
  out.push_back({prefix + "bias", {n}, bias, card.bias_bits});
  if (layer.recurrence == "modrelu") out.push_back({prefix + "modrelu", {n}, number});
  if (card.decays) out.push_back({prefix + "decays", {layer.blocks()}, Storage::u8});
  if (i > 0) out.push_back({prefix + "input_signs", {n, card.layers[i - 1].hidden_size}, Storage::signs});
}

void add_output(const Card& card, std::vector<Entry>& out) {
  if (card.pool) {
    const bool blocks = card.integer && card.integer->blocks;
    out.push_back({"pool.thresholds",
                   {card.pool->thresholds, card.layers.back().hidden_size},
                   !blocks                                 ? Storage::quantized_rows
                   : card.integer->blocks->state_bits == 8 ? Storage::i8
                                                           : Storage::i16});
  }
  const std::vector<int64_t> shape = {card.output_size, card.output_width()};
  if (card.integer && card.integer->integer_readout) {
    out.push_back({"output.codes", shape, Storage::codes, card.output_weight_bits});
    out.push_back({"output.bias", {card.output_size}, Storage::i32});
  } else {
    out.push_back(weight("output.weight", shape, card.output_weight_bits));
    out.push_back({"output.bias", {card.output_size}, Storage::f32});
  }
}

}  // namespace

int64_t Entry::count() const {
  int64_t product = 1;
  for (const int64_t size : shape) product *= size;
  return product;
}

std::vector<Entry> entries(const Card& card) {
  std::vector<Entry> out;
  add_input(card, out);
  for (size_t i = 0; i < card.layers.size(); ++i) add_layer(card, i, out);
  add_output(card, out);
  if (!card.bidirectional) return out;
  for (const Entry& entry : std::vector<Entry>(out)) {
    if (entry.name == "embedding.weight" || entry.name == "output.bias") continue;  // both networks share them
    out.push_back(entry);
    out.back().name = "reverse." + entry.name;
  }
  return out;
}

}  // namespace hadamrnn::file
