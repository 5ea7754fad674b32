// The card of a model file (docs/format.md), as far as a network and its input need it; all of it is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "file/drawn.hpp"
#include "file/json.hpp"
#include "file/preprocess.hpp"
#include "hadamrnn/model.hpp"

namespace hadamrnn::file {

struct LayerCard {
  int64_t hidden_size = 0, block_size = 0;
  std::string recurrence;

  int64_t blocks() const { return hidden_size / block_size; }
};

struct PoolCard {
  int64_t thresholds = 0;
  bool excess = false, share = false;
  int32_t time_constant = 0;  // 0: the mean of all steps

  int64_t groups() const { return thresholds * (excess + share); }
};

struct IntegerLayerCard {
  int32_t state_bits = 0;
  double state_scale = 0;
  int32_t fraction_bits = 0, multiplier = 0;
  std::optional<int32_t> input_multiplier;  // none where each token has its own
  int32_t input_shift = 0;
};

struct IntegerBlocksCard {
  int32_t state_bits = 0, fraction_bits = 0, product_shift = 0;
};

struct IntegerInputCard {
  int32_t low = 0, high = 0;
  double scale = 0;
};

struct IntegerCard {
  std::vector<IntegerLayerCard> layers;
  std::optional<IntegerInputCard> input;  // none for tokens
  bool integer_readout = false;
  double logit_scale = 1;
  std::optional<IntegerBlocksCard> blocks;  // of a network that forgets, in place of layers
};

struct Card {
  bool tokens = false;
  Output output = Output::last;
  int64_t input_size = 0, embedding_size = 0, output_size = 0;  // embedding_size 0: none
  std::vector<LayerCard> layers;
  int weight_bits = 0, output_weight_bits = 0, bias_bits = 0, embedding_bits = 0;  // 0: float32
  bool bidirectional = false, decays = false, differences = false;
  std::string input_activation;  // "relu", "clip", or none
  std::optional<PoolCard> pool;
  std::optional<Drawn> drawn;
  Preprocess preprocess;
  std::vector<std::string> labels;
  std::optional<IntegerCard> integer;

  bool forgets() const { return decays || differences || !input_activation.empty() || pool; }
  // Columns of U and of V.
  int64_t input_width() const { return (embedding_size > 0 ? embedding_size : input_size) * (differences ? 2 : 1); }
  int64_t output_width() const { return layers.back().hidden_size * (pool ? pool->groups() : 1); }
};

// Throws ModelFormatError for a card that a file of this version cannot have.
Card read_card(const Json& json, int version);
// Its part "integer".
IntegerCard read_integer(const Json& json);
// Whether the parts fit together; throws ModelFormatError.
void check_card(const Card& card);

}  // namespace hadamrnn::file
