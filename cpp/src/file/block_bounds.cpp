// The proof for networks that forget; the names are those of python/hadamrnn_ext/golden/forgetting.py.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "file/bounds.hpp"
#include "file/construction.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

constexpr int64_t int16_end = 1 << 15, int32_end = int64_t(1) << 31;
// Blocks of fewer units are not worth lanes of 16 bits, which take rows that are multiples of `short_row`.
constexpr int64_t short_block = 8, short_row = 32;

const std::vector<int32_t>* find(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find("layers.0." + name);
  return found == parameters.end() ? nullptr : &found->second.i32;
}

// The largest magnitudes.
struct BlockStep {
  int64_t acc = 0;         // H z
  int64_t multiplier = 0;  // M_h
  int64_t product = 0;     // u acc M_h / 2^g, rounded down
  int64_t weight = 0;      // a code times M_x, 0 for tokens
  int64_t sums = 0;        // what is shifted by r
  int64_t inputs = 0;      // v + half(f)
};

// Of what r shifts, (n), without its half; `weight` as above.
std::vector<int64_t> sums_of(const Card& card, const Parameters& parameters, int64_t& weight) {
  const LayerCard& layer = card.layers.front();
  const auto n = size_t(layer.hidden_size), m = size_t(layer.block_size);
  std::vector<int64_t> sums(n);
  if (card.tokens) {
    const std::vector<int8_t>& codes = parameters.at("table.codes").i8;
    const std::vector<int32_t>& multipliers = parameters.at("table.multiplier").i32;
    for (size_t k = 0; k < codes.size(); ++k) {
      sums[k % n] = std::max(sums[k % n], std::abs(int64_t(codes[k])) * std::abs(int64_t(multipliers[k / n])));
    }
    return sums;
  }
  const std::vector<int8_t>& codes = parameters.at("input.codes").i8;
  const std::vector<int32_t>& multiplier = *find(parameters, "input_multiplier");
  const std::vector<int64_t> bias = block_bias(card, parameters);
  const int64_t largest = card.integer->input->high;
  const auto width = size_t(card.input_width()), d = size_t(card.input_size);
  for (size_t i = 0; i < n; ++i) {
    int64_t code = 0;
    for (size_t j = 0; j < width; ++j) {
      const int64_t magnitude = std::abs(int64_t(codes[i * width + j]));
      code = std::max(code, magnitude);
      sums[i] += magnitude * (j < d ? largest : 2 * largest);  // of a difference
    }
    weight = std::max(weight, code * multiplier[i / m]);
    if (sums[i] >= int32_end && multiplier[i / m] > 0) {
      throw ModelFormatError("layer 0 may overflow: the sum of weights times inputs takes more than 32 bits");
    }
    sums[i] = sums[i] * multiplier[i / m] + std::abs(bias[i]);
  }
  return sums;
}

BlockStep step_of(const Card& card, const Parameters& parameters) {
  const IntegerBlocksCard& blocks = *card.integer->blocks;
  const auto m = size_t(card.layers.front().block_size);
  const std::vector<int32_t>&multiplier = *find(parameters, "multiplier"), &shift = *find(parameters, "input_shift");
  const std::vector<int32_t>* bound = find(parameters, "input_bound");
  BlockStep step;
  step.acc = int64_t(m) * ((1 << (blocks.state_bits - 1)) - 1);
  step.multiplier = *std::max_element(multiplier.begin(), multiplier.end());
  step.product = (step.acc * step.multiplier >> blocks.product_shift) + 1;
  const std::vector<int64_t> sums = sums_of(card, parameters, step.weight);
  for (size_t i = 0; i < sums.size(); ++i) {
    const int r = shift[i / m];
    const int64_t sum = sums[i] + (int64_t(1) << r >> 1);
    step.sums = std::max(step.sums, sum);
    const int64_t v = (sum >> r) + 1;
    step.inputs = std::max(step.inputs, bound ? std::min(v, int64_t((*bound)[i / m])) : v);
  }
  step.inputs += int64_t(1) << blocks.fraction_bits >> 1;
  return step;
}

// Whether acc 2^a and M_h 2^b fit `bits` bits for some a + b = bits - g, so that g is the upper half of a product.
bool factors(const BlockStep& step, int bits, int product_shift) {
  const int room = 2 * (bits - 1) - bit_length(step.acc) - bit_length(step.multiplier);
  return std::max(step.acc, step.multiplier) < int64_t(1) << (bits - 1) && 0 <= bits - product_shift &&
         bits - product_shift <= room;
}

const char* problem(const BlockStep& step, const IntegerBlocksCard& blocks) {
  if (!factors(step, 32, blocks.product_shift)) {
    return "the transform of the states times their multiplier takes more than the upper half of 64 bits";
  }
  if (step.weight >= int16_end) return "a code of the input times its multiplier takes more than 16 bits";
  if (step.sums >= int32_end) return "the sum of weights times inputs takes more than 32 bits";
  if (step.product + step.inputs >= int32_end) return "the state before saturation takes more than 32 bits";
  return nullptr;
}

bool is_short(const BlockStep& step, const LayerCard& layer, const IntegerBlocksCard& blocks) {
  return base_order(layer.block_size) == 1 && layer.block_size >= short_block && layer.hidden_size % short_row == 0 &&
         factors(step, 16, blocks.product_shift) && std::max(step.product, step.inputs) < int16_end &&
         blocks.fraction_bits + blocks.state_bits <= 16;
}

}  // namespace

std::vector<int64_t> block_bias(const Card& card, const Parameters& parameters) {
  if (card.tokens) return {};
  const Parameter& bias = parameters.at("layers.0.bias");
  std::vector<int64_t> beta(bias.i32.begin(), bias.i32.end());
  if (card.bias_bits == 0) return beta;
  const std::vector<int32_t>& multiplier = *find(parameters, "bias_multiplier");
  const auto m = size_t(card.layers.front().block_size);
  for (size_t i = 0; i < bias.i8.size(); ++i) beta.push_back(int64_t(bias.i8[i]) * multiplier[i / m]);
  return beta;
}

bool prove_blocks(const Card& card, const Parameters& parameters) {
  const auto check = [](const std::string& name, const std::vector<int32_t>& values, int32_t most) {
    for (const int32_t value : values) {
      if (value >= 0 && value <= most) continue;
      throw ModelFormatError("tensor 'layers.0." + name + "' holds " + std::to_string(value) + "; expected 0 .. " +
                             std::to_string(most));
    }
  };
  for (const char* name : {"multiplier", "input_multiplier", "input_bound"}) {
    if (const auto* values = find(parameters, name)) check(name, *values, std::numeric_limits<int32_t>::max());
  }
  check("input_shift", *find(parameters, "input_shift"), 30);
  for (const float scale : parameters.at("layers.0.state_scale").f32) {
    if (scale < std::numeric_limits<float>::min()) {  // it divides
      throw ModelFormatError("tensor 'layers.0.state_scale' holds a number below the normal ones of float32");
    }
  }
  const BlockStep step = step_of(card, parameters);
  if (const char* found = problem(step, *card.integer->blocks)) {
    throw ModelFormatError(std::string("layer 0 may overflow: ") + found);
  }
  return is_short(step, card.layers.front(), *card.integer->blocks);
}

}  // namespace hadamrnn::file
