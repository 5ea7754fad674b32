// The part "integer" of a card: the constants of an integer model.
#include <limits>

#include "file/card.hpp"
#include "file/record.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

constexpr int64_t max_fraction_bits = 30, int32_max = std::numeric_limits<int32_t>::max();

// A positive number that float32 can divide by.
double scale(const Json& json, const std::string& where) {
  const double value = number(json, where);
  if (!(value > 0 && value < 0x1p127 && float(value) >= std::numeric_limits<float>::min())) {
    throw ModelFormatError(where + " is " + shown(json) + "; expected a positive number in the range of float32");
  }
  return value;
}

// What calibration has measured.
void check_measured(const Record& record, const std::string& where) {
  number(record.at("saturation"), where + ".saturation");
  if (!is_null(record.at("snr"))) number(record.at("snr"), where + ".snr");
}

int32_t constant(const Record& record, const std::string& where, const char* key, int64_t low, int64_t high) {
  return int32_t(integer(record.at(key), where + "." + key, low, high));
}

IntegerLayerCard read_layer(const Json& json, const std::string& where) {
  const Record record(json, where,
                      {"state_bits", "state_scale", "fraction_bits", "multiplier", "input_multiplier", "input_shift",
                       "saturation", "snr"});
  IntegerLayerCard layer;
  layer.state_bits = constant(record, where, "state_bits", 1, 16);
  if (layer.state_bits != 1) within(where + ".state_bits", layer.state_bits, 8, 16);
  layer.state_scale = scale(record.at("state_scale"), where + ".state_scale");
  layer.fraction_bits = constant(record, where, "fraction_bits", 1, max_fraction_bits);
  layer.multiplier = constant(record, where, "multiplier", 1, int32_max);
  if (!is_null(record.at("input_multiplier"))) {
    layer.input_multiplier = constant(record, where, "input_multiplier", 0, int32_max);
  }
  layer.input_shift = constant(record, where, "input_shift", 0, 62);
  check_measured(record, where);
  return layer;
}

IntegerBlocksCard read_blocks(const Json& json, const std::string& where) {
  const Record record(json, where, {"state_bits", "fraction_bits", "product_shift", "saturation", "snr"});
  check_measured(record, where);
  return {constant(record, where, "state_bits", 8, 16), constant(record, where, "fraction_bits", 1, max_fraction_bits),
          constant(record, where, "product_shift", 1, max_fraction_bits)};
}

IntegerInputCard read_input(const Json& json, const std::string& where) {
  const Record record(json, where, {"bits", "signed", "scale"});
  const int32_t bits = constant(record, where, "bits", 2, 16);
  const double step = scale(record.at("scale"), where + ".scale");
  if (!truth(record.at("signed"), where + ".signed")) return {0, (1 << bits) - 1, step};
  return {1 - (1 << (bits - 1)), (1 << (bits - 1)) - 1, step};
}

}  // namespace

IntegerCard read_integer(const Json& json) {
  const std::string where = "card.integer";
  const Record record(json, where, {"layers", "input", "readout", "logit_scale"}, {"blocks"});
  IntegerCard card;
  for (const Json& layer : list(record.at("layers"), where + ".layers")) {
    card.layers.push_back(read_layer(layer, where + ".layers[" + std::to_string(card.layers.size()) + "]"));
  }
  if (!is_null(record.at("input"))) card.input = read_input(record.at("input"), where + ".input");
  card.integer_readout = choice(record.at("readout"), where + ".readout", {"float", "integer"}) == "integer";
  const Json& logit_scale = record.at("logit_scale");
  if (card.integer_readout == is_null(logit_scale)) {
    throw ModelFormatError(where + ".logit_scale is " + shown(logit_scale) + " with readout " +
                           shown(record.at("readout")) + "; expected a number with readout 'integer' only");
  }
  if (card.integer_readout) card.logit_scale = scale(logit_scale, where + ".logit_scale");
  if (const Json* blocks = record.find("blocks")) card.blocks = read_blocks(*blocks, where + ".blocks");
  return card;
}

}  // namespace hadamrnn::file
