#include "file/card.hpp"

#include "file/construction.hpp"
#include "file/data_card.hpp"
#include "file/document.hpp"
#include "file/record.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

constexpr int64_t max_layers = 16, max_units = 1 << 20, max_block = 1 << 16, max_base_order = 1 << 12;
constexpr int64_t max_width = 1 << 24;

// Of weights, or 0 for null, float32.
int bits(const Json& json, const std::string& where) { return is_null(json) ? 0 : int(integer(json, where, 1, 8)); }

LayerCard read_layer(const Json& json, const std::string& where) {
  const Record record(json, where, {"hidden_size", "block_size", "recurrence", "construction"});
  LayerCard layer;
  layer.hidden_size = integer(record.at("hidden_size"), where + ".hidden_size", 1, max_units);
  layer.block_size = integer(record.at("block_size"), where + ".block_size", 1, max_block);
  layer.recurrence = choice(record.at("recurrence"), where + ".recurrence", {"linear", "relu", "modrelu", "sign"});
  if (layer.hidden_size % layer.block_size != 0) {
    throw ModelFormatError(where + ".hidden_size " + std::to_string(layer.hidden_size) +
                           " is not a multiple of block_size " + std::to_string(layer.block_size));
  }
  within("the base order of block_size " + std::to_string(layer.block_size), base_order(layer.block_size), 1,
         max_base_order);
  const std::string known = construction(layer.block_size);
  const std::string given = text(record.at("construction"), where + ".construction");
  if (!given.empty() && given != known) {
    throw ModelFormatError("the Hadamard matrix of order " + std::to_string(layer.block_size) + " is built as " +
                           quoted(given) + "; expected '" + known + "'");
  }
  return layer;
}

PoolCard read_pool(const Json& json, const std::string& where) {
  const Record record(json, where, {"thresholds", "excess", "share", "time_constant"});
  PoolCard pool;
  pool.thresholds = integer(record.at("thresholds"), where + ".thresholds", 1, 64);
  pool.excess = truth(record.at("excess"), where + ".excess");
  pool.share = truth(record.at("share"), where + ".share");
  if (!pool.excess && !pool.share) {
    throw ModelFormatError(where + " has neither excess nor share; expected at least one of them");
  }
  if (const Json& given = record.at("time_constant"); !is_null(given)) {
    pool.time_constant = int32_t(integer(given, where + ".time_constant", 1, 15));
  }
  return pool;
}

// The first format version that can hold this model.
int version_of(const Card& card, bool has_data) {
  if (has_data || card.bidirectional || card.forgets()) return 6;
  if (card.output == Output::mean) return 5;
  if (card.bias_bits != 0 && card.bias_bits != 8) return 4;
  if (card.embedding_bits != 0) return 3;
  return card.integer ? 2 : 1;
}

// The value of an optional key of true or false.
bool flag(const Record& record, const char* key) {
  const Json* given = record.find(key);
  return given && truth(*given, std::string("card.") + key);
}

// The keys of every card of this version.
std::vector<const char*> keys_of(int version) {
  std::vector<const char*> keys = {"kind",        "input",  "output",      "input_size",         "embedding_size",
                                   "output_size", "layers", "weight_bits", "output_weight_bits", "bias_bits",
                                   "preprocess",  "labels", "training"};
  if (version >= 2) keys.push_back("integer");
  if (version >= 3) keys.push_back("embedding_bits");
  return keys;
}

}  // namespace

Card read_card(const Json& json, int version) {
  const Record record(json, "card", keys_of(version),
                      {"bidirectional", "data", "decays", "input_activation", "differences", "pool", "drawn"});
  Card card;
  const bool integer_kind = choice(record.at("kind"), "card.kind", {"float", "integer"}) == "integer";
  card.tokens = choice(record.at("input"), "card.input", {"features", "tokens"}) == "tokens";
  card.output = parse_output(choice(record.at("output"), "card.output", {"last", "all", "mean"}));
  card.input_size = integer(record.at("input_size"), "card.input_size", 1, max_width);
  card.output_size = integer(record.at("output_size"), "card.output_size", 1, max_width);
  if (const Json& given = record.at("embedding_size"); !is_null(given)) {
    card.embedding_size = integer(given, "card.embedding_size", 1, max_width);
  }
  const std::vector<Json>& layers = list(record.at("layers"), "card.layers");
  within("the number of layers", int64_t(layers.size()), 1, max_layers);
  for (const Json& layer : layers) {
    card.layers.push_back(read_layer(layer, "card.layers[" + std::to_string(card.layers.size()) + "]"));
  }
  card.weight_bits = bits(record.at("weight_bits"), "card.weight_bits");
  card.output_weight_bits = bits(record.at("output_weight_bits"), "card.output_weight_bits");
  card.bias_bits = bits(record.at("bias_bits"), "card.bias_bits");
  if (version >= 3 && !is_null(record.at("embedding_bits"))) {
    card.embedding_bits = int(integer(record.at("embedding_bits"), "card.embedding_bits", 8, 8));
  }
  card.bidirectional = flag(record, "bidirectional");
  card.decays = flag(record, "decays");
  card.differences = flag(record, "differences");
  if (const Json* given = record.find("input_activation")) {
    card.input_activation = choice(*given, "card.input_activation", {"relu", "clip"});
  }
  if (const Json* given = record.find("pool")) card.pool = read_pool(*given, "card.pool");
  if (const Json* given = record.find("drawn")) card.drawn = read_drawn(*given, "card.drawn");
  card.preprocess = read_preprocess(record.at("preprocess"), "card.preprocess");
  if (const Json& given = record.at("labels"); !is_null(given)) {
    card.labels = texts(given, "card.labels");
    const int64_t expected = card.output_size == 1 ? 2 : card.output_size;
    within("the number of labels", int64_t(card.labels.size()), expected, expected);
  }
  check_training(record.at("training"), "card.training");
  const Json* data = record.find("data");
  if (data) check_data(*data, "card.data", card.tokens ? 1 : card.input_size);
  const Json none, &integers = version >= 2 ? record.at("integer") : none;
  if (integer_kind == is_null(integers)) {
    throw ModelFormatError("card.kind is " + shown(record.at("kind")) + " with card.integer " + shown(integers) +
                           "; expected 'integer' with an object, or 'float' with null");
  }
  if (integer_kind) card.integer = read_integer(integers);
  check_card(card);
  if (const int expected = version_of(card, data != nullptr); version != expected) {
    throw ModelFormatError("this model is written as format version " + std::to_string(version) + "; expected " +
                           std::to_string(expected));
  }
  return card;
}

}  // namespace hadamrnn::file
