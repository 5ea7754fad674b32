// Whether the parts of a card fit together.
#include <algorithm>

#include "file/card.hpp"
#include "file/record.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

constexpr int64_t max_elements = int64_t(1) << 26;

void require(bool holds, const std::string& otherwise) {
  if (!holds) throw ModelFormatError("card: " + otherwise);
}

void check_elements(const Card& card) {
  const auto check = [](const std::string& name, int64_t rows, int64_t columns) {
    within("the number of elements of " + name + " (" + std::to_string(rows) + " x " + std::to_string(columns) + ")",
           rows * columns, 1, max_elements);
  };
  check("U", card.layers.front().hidden_size, card.input_width());
  check("V", card.output_size, card.output_width());
  if (card.embedding_size > 0) check("the embedding", card.input_size, card.embedding_size);
  for (size_t i = 1; i < card.layers.size(); ++i) {
    check("B of layer " + std::to_string(i), card.layers[i].hidden_size, card.layers[i - 1].hidden_size);
  }
}

void check_preprocess(const Card& card) {
  const Preprocess& p = card.preprocess;
  if (card.tokens) {
    require(p.uint8_scale == 0 && p.offset.empty(), "uint8_scale and normalization are for features, not for tokens");
    require(int64_t(p.words.size()) <= card.input_size, "the vocabulary has " + std::to_string(p.words.size()) +
                                                            " words; expected at most " +
                                                            std::to_string(card.input_size) + " tokens");
    return;
  }
  require(p.words.empty(), "a vocabulary is given for features; only tokens have one");
  if (!p.offset.empty()) {
    within("the number of channels of card.preprocess.normalization", int64_t(p.offset.size()), card.input_size,
           card.input_size);
  }
}

void check_drawn(const Card& card) {
  check_drawn_size(card.layers.front().hidden_size, card.input_width());
  require(card.layers.size() == 1 && card.embedding_size == 0 && card.decays,
          "drawn is for one layer with decays and without an embedding");
  const bool table = card.integer && card.tokens;
  require(table || (card.weight_bits == Drawn::bits && card.bias_bits == 1),
          "drawn is given with weight_bits " + std::to_string(card.weight_bits) + " and bias_bits " +
              std::to_string(card.bias_bits) + "; expected " + std::to_string(Drawn::bits) + " and 1");
}

void check_blocks(const Card& card, const IntegerCard& integer) {
  const std::string& recurrence = card.layers.front().recurrence;
  require(integer.layers.empty() && card.layers.size() == 1 && (recurrence == "linear" || recurrence == "relu"),
          "an integer model that forgets has one layer that is linear or relu, and no integer layers");
  const int64_t largest = integer.input ? integer.input->high : 1;
  require(largest * (card.differences ? 2 : 1) < 1 << 15,
          "the integers of the input or their differences take more "
          "than 16 bits");
}

void check_integer_layers(const Card& card, const IntegerCard& integer) {
  within("the number of integer layers", int64_t(integer.layers.size()), int64_t(card.layers.size()),
         int64_t(card.layers.size()));
  for (size_t i = 0; i < card.layers.size(); ++i) {
    const IntegerLayerCard& layer = integer.layers[i];
    require((layer.state_bits == 1) == (card.layers[i].recurrence == "sign"),
            "layer " + std::to_string(i) + " has " + std::to_string(layer.state_bits) + " state bits; expected 1 for " +
                "the recurrence 'sign', and only there");
    require(layer.input_multiplier.has_value() != (i == 0 && card.tokens),
            "every layer has an input multiplier, except the first one for tokens");
  }
}

void check_integer(const Card& card, const IntegerCard& integer) {
  require(card.weight_bits > 0 && card.embedding_size == 0, "an integer model has weight_bits, and no embedding_size");
  require(card.bias_bits == 0 || (card.forgets() && !card.tokens),
          "bias_bits of an integer model are for one that forgets and reads features");
  require(!integer.integer_readout || card.output_weight_bits > 0, "an integer readout needs output_weight_bits");
  require(integer.input.has_value() != card.tokens, "integer.input is required for features, and only for features");
  require(card.forgets() == integer.blocks.has_value(),
          "integer.blocks is for networks that forget, and those need it");
  if (integer.blocks) {
    check_blocks(card, integer);
  } else {
    check_integer_layers(card, integer);
  }
}

}  // namespace

void check_card(const Card& card) {
  require(card.tokens || card.embedding_size == 0, "embedding_size is given for features; only tokens have one");
  require(card.embedding_bits == 0 || card.embedding_size > 0, "embedding_bits is given without embedding_size");
  require(!card.differences || !card.tokens, "differences are for features; tokens have none");
  require(!card.pool || card.output != Output::mean, "a pool is given with output 'mean', which pools as well");
  check_elements(card);
  check_preprocess(card);
  require(!card.bidirectional || !card.forgets(),
          "decays, an input activation, differences and a pool are for models of one direction");
  require(!card.bidirectional || (!card.integer && card.layers.size() == 1),
          "a bidirectional model is a float model of one layer");
  if (card.drawn) check_drawn(card);
  if (card.integer) check_integer(card, *card.integer);
}

}  // namespace hadamrnn::file
