#include "file/bounds.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

constexpr int64_t int32_end = int64_t(1) << 31, int64_most = std::numeric_limits<int64_t>::max();

// The largest magnitude of a state.
int64_t largest_state(int32_t state_bits) { return state_bits == 1 ? 1 : int64_t(1) << (state_bits - 1); }

const std::vector<int8_t>& input_codes(const Card& card, const Parameters& parameters) {
  return parameters.at(card.tokens ? "table.codes" : "input.codes").i8;
}

template <class T>
int64_t largest_magnitude(const std::vector<T>& values) {
  int64_t largest = 0;
  for (const T x : values) largest = std::max(largest, std::abs(int64_t(x)));
  return largest;
}

// The largest magnitudes of what a step adds up.
struct Step {
  int64_t acc = 0;         // H z
  int64_t sums = 0;        // what M_x multiplies
  int64_t multiplier = 0;  // M_x, times a feature where there is one
  int64_t inputs = 0;      // product M_x + beta, of fewer than 64 bits if the two above fit 32
  int64_t modrelu = 0;
};

// Units whose input is the sum of `column` codes: the largest magnitudes (n).
std::vector<int64_t> largest_sums(const Card& card, const Parameters& parameters, size_t i) {
  const auto n = size_t(card.layers[i].hidden_size);
  if (i > 0) {
    return std::vector<int64_t>(n,
                                card.layers[i - 1].hidden_size * largest_state(card.integer->layers[i - 1].state_bits));
  }
  std::vector<int64_t> sums(n);
  const std::vector<int8_t>& codes = input_codes(card, parameters);
  for (size_t k = 0; k < codes.size(); ++k) sums[k / size_t(card.input_size)] += std::abs(int64_t(codes[k]));
  for (int64_t& sum : sums) sum *= card.integer->input->high;
  return sums;
}

Step step_of(const Card& card, const Parameters& parameters, size_t i) {
  const std::string stem = "layers." + std::to_string(i) + ".";
  const IntegerLayerCard& constants = card.integer->layers[i];
  const std::vector<int32_t>& bias = parameters.at(stem + "bias").i32;
  Step step;
  step.acc = card.layers[i].block_size * largest_state(constants.state_bits);
  if (const auto found = parameters.find(stem + "modrelu"); found != parameters.end()) {
    step.modrelu = largest_magnitude(found->second.i32);
  }
  std::vector<int64_t> products(bias.size());
  if (constants.input_multiplier) {
    const std::vector<int64_t> sums = largest_sums(card, parameters, i);
    step.sums = *std::max_element(sums.begin(), sums.end());
    step.multiplier = *constants.input_multiplier * (i == 0 ? int64_t(card.integer->input->high) : 1);
    for (size_t k = 0; k < sums.size() && step.sums < int32_end; ++k)
      products[k] = sums[k] * *constants.input_multiplier;
  } else {
    const std::vector<int8_t>& codes = input_codes(card, parameters);
    const std::vector<int32_t>& multipliers = parameters.at("table.multiplier").i32;
    step.sums = largest_magnitude(codes);
    step.multiplier = largest_magnitude(multipliers);
    for (size_t k = 0; k < codes.size(); ++k) {
      int64_t& product = products[k % bias.size()];
      product = std::max(product, std::abs(int64_t(codes[k])) * std::abs(int64_t(multipliers[k / bias.size()])));
    }
  }
  for (size_t k = 0; k < bias.size(); ++k)
    step.inputs = std::max(step.inputs, products[k] + std::abs(int64_t(bias[k])));
  return step;
}

const char* problem(const Step& step, const IntegerLayerCard& c) {
  if (step.acc >= int32_end) return "the transform of the states takes more than 32 bits";
  if (step.sums >= int32_end) return "the sum of weights times inputs takes more than 32 bits";
  if (step.multiplier >= int32_end) return "the multiplier of the input takes more than 32 bits";
  const int64_t others = step.acc * c.multiplier + (int64_t(1) << (c.fraction_bits - 1));  // below 2^62 + 2^29
  if (step.inputs > (int64_most - others) >> c.input_shift) return "a sum of one step takes more than 64 bits";
  const int64_t total = others + (step.inputs << c.input_shift);
  if ((total >> c.fraction_bits) + 1 + step.modrelu >= int32_end) {
    return "the state before saturation takes more than 32 bits";
  }
  return nullptr;
}

// By how many bits the value can be shifted left before it reaches 2^31.
int room(int64_t value) { return 31 - bit_length(value); }

bool narrow(const Step& step, const IntegerLayerCard& c) {
  const int s = c.input_shift, j = bit_length(c.multiplier) - 1;
  if (s >= c.fraction_bits) return false;
  const int64_t inputs = step.inputs + (int64_t(1) << (c.fraction_bits - 1 - s));
  if (c.multiplier == int64_t(1) << j) {
    return s <= j && inputs < int32_end && step.acc + (inputs >> (j - s)) + 1 < int32_end;
  }
  const bool halves = room(step.acc) + room(c.multiplier) >= 32 - s;
  return halves && (step.acc * c.multiplier >> s) + 1 + inputs < int32_end;
}

}  // namespace

bool prove_layer(const Card& card, const Parameters& parameters, size_t i) {
  const Step step = step_of(card, parameters, i);
  if (const char* found = problem(step, card.integer->layers[i])) {
    throw ModelFormatError("layer " + std::to_string(i) + " may overflow: " + found);
  }
  return narrow(step, card.integer->layers[i]);
}

void prove_readout(const Card& card, const Parameters& parameters) {
  if (!card.integer->integer_readout || card.integer->blocks) return;
  const std::vector<int8_t>& codes = parameters.at("output.codes").i8;
  const std::vector<int32_t>& bias = parameters.at("output.bias").i32;
  constexpr int32_t mean_bits = 16;  // of the mean of the states
  const int64_t state = largest_state(card.output == Output::mean ? mean_bits : card.integer->layers.back().state_bits);
  const size_t columns = codes.size() / bias.size();
  for (size_t o = 0; o < bias.size(); ++o) {
    int64_t sum = 0;
    for (size_t k = 0; k < columns; ++k) sum += std::abs(int64_t(codes[o * columns + k]));
    if (sum * state + std::abs(int64_t(bias[o])) >= int32_end) {
      throw ModelFormatError("the readout may overflow: an integer logit takes more than 32 bits");
    }
  }
}

}  // namespace hadamrnn::file
