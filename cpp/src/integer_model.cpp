#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "hadamrnn/integer.hpp"
#include "block_model.hpp"
#include "isa_tables.hpp"
#include "model_data.hpp"

namespace hadamrnn {
namespace {

[[noreturn]] void fail(const std::string& text) { throw std::invalid_argument(text); }

template <class T>
void check_count(const std::vector<T>& values, int64_t expected, const char* what) {
  if (int64_t(values.size()) != expected) {
    fail(std::string(what) + " has " + std::to_string(values.size()) + " entries, expected " +
         std::to_string(expected));
  }
}

// Integer kernels agree to the bit, so the rule is about speed alone.
Kernel choose(Kernel asked, std::string& reason) {
  if (asked == Kernel::dense) {
    fail("kernel 'dense' multiplies floats, and this model's state is an integer: use 'fwht', 'masked_add' or 'xnor'");
  }
  reason = asked == Kernel::automatic
               ? "auto: the recurrent matrices are Hadamard blocks, n log2 m additions instead of n m"
               : "asked for";
  return asked == Kernel::automatic ? Kernel::fwht : asked;
}

// The largest a <= 30 with |x| 2^a < 2^31.
int32_t room(int64_t x) {
  int32_t a = 0;
  while (a < 30 && x << (a + 1) < int64_t(1) << 31) ++a;
  return a;
}

// M_h 2^(16-s), or 0 where acc does not fit 16 bits or that is not what the kernels multiply by.
int32_t short_factor(const IntegerLayerSpec& spec, int64_t largest_acc) {
  if (largest_acc >= 1 << 15 || spec.input_shift > 16) return 0;
  const int64_t factor = int64_t(spec.multiplier) << (16 - spec.input_shift);
  return factor < (int64_t(1) << 31) - (1 << 15) ? int32_t(factor) : 0;
}

// How the kernels add up, and what the signs are multiplied by for them.
IntegerSum choose_sum(const IntegerLayerSpec& spec, int64_t largest_acc, int32_t& unit) {
  const int32_t s = spec.input_shift, f = spec.fraction_bits, m = spec.multiplier;
  if (!spec.narrow) {
    unit = m;
    return {IntegerLanes::wide, f, s, 0, nullptr, nullptr, nullptr, 0};
  }
  int32_t j = 0;
  while ((m >> (j + 1)) > 0) ++j;
  if (m == int32_t(1) << j) {
    unit = 1;
    return {IntegerLanes::shifts, f - j, j - s, 0, nullptr, nullptr, nullptr, 0};
  }
  const int32_t a = std::min(room(largest_acc), 32 - s);
  unit = int32_t(1) << a;
  const int32_t factor = int32_t(int64_t(m) << (32 - s - a));
  return {IntegerLanes::halves, f - s, 0, factor, nullptr, nullptr, nullptr, short_factor(spec, largest_acc)};
}

IntegerLayerData pack(const IntegerLayerSpec& spec) {
  const LayerData& d = spec.layer.data();
  const int64_t n = d.storage.hidden_size;
  const bool sign = d.activation == Activation::sign;
  check_count(spec.bias, n, "bias");
  check_count(spec.modrelu, d.activation == Activation::modrelu ? n : 0, "modrelu");
  if (sign ? spec.state_bits != 1 : spec.state_bits < 8 || spec.state_bits > 16) {
    fail("state_bits is " + std::to_string(spec.state_bits) + ", expected 8..16, or 1 for sign");
  }
  if (spec.fraction_bits < 1 || spec.fraction_bits > 30 || spec.input_shift < 0 || spec.input_shift > 62) {
    fail("fraction_bits must be 1..30 and input_shift 0..62");
  }
  IntegerLayerData p{};
  p.state_bits = spec.state_bits;
  p.state_scale = spec.state_scale;
  p.input_multiplier = spec.input_multiplier;
  p.high = sign ? 1 : (1 << (spec.state_bits - 1)) - 1;
  p.low = d.activation == Activation::relu ? 0 : sign ? -1 : -p.high - 1;
  const size_t size = size_t(d.storage.size());
  int32_t unit;
  p.sum = choose_sum(spec, d.storage.block_size << (spec.state_bits - 1), unit);
  p.units.resize(size);
  p.bias.resize(size);
  for (size_t j = 0; j < size; ++j) p.units[j] = ((d.su[j] > 0) - (d.su[j] < 0)) * unit;
  if (p.sum.short_factor != 0 && (d.activation == Activation::linear || d.activation == Activation::relu)) {
    Buffer<int32_t> signs(size);
    for (size_t j = 0; j < size; ++j) signs[j] = (p.units[j] > 0) - (p.units[j] < 0);
    p.signs.resize(size);
    active_table().shorten_i32(signs.data(), int64_t(size), p.signs.data());
  }
  d.storage.to_storage(spec.bias.data(), p.bias.data());
  for (int32_t& beta : p.bias) {
    if (p.sum.lanes == IntegerLanes::wide) {
      beta ^= std::numeric_limits<int32_t>::min();
    } else {
      beta += int32_t(1) << (spec.fraction_bits - 1 - spec.input_shift);
    }
  }
  if (d.activation == Activation::modrelu) {
    p.modrelu.resize(size);
    d.storage.to_storage(spec.modrelu.data(), p.modrelu.data());
  }
  return p;
}

// (rows, n) in natural order to storage order.
Buffer<int8_t> pack_rows(const std::vector<int8_t>& codes, int64_t rows, const Storage& storage) {
  Buffer<int8_t> packed(size_t(rows * storage.size()));
  for (int64_t i = 0; i < rows; ++i) {
    storage.to_storage(&codes[size_t(i * storage.hidden_size)], &packed[size_t(i * storage.size())]);
  }
  return packed;
}

std::vector<int8_t> transposed(const std::vector<int8_t>& matrix, int64_t rows, int64_t columns) {
  std::vector<int8_t> out(matrix.size());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) out[size_t(j * rows + i)] = matrix[size_t(i * columns + j)];
  }
  return out;
}

}  // namespace

Model::Model(const IntegerSpec& spec) {
  if (spec.layers.empty() && !spec.blocks) fail("a model needs at least one layer");
  if (spec.output_size < 1) fail("output_size must be at least 1");
  auto m = std::make_shared<ModelData>();
  auto integer = std::make_unique<IntegerData>();
  m->kernels = &active_table();
  m->kernel = choose(spec.kernel, m->kernel_reason);
  std::vector<Layer> layers;
  for (const IntegerLayerSpec& layer : spec.layers) {
    layers.push_back(layer.layer);
    integer->layers.push_back(pack(layer));
  }
  if (spec.blocks) layers.push_back(block_layer(*spec.blocks, m->kernel));
  m->layers = pack_layers(layers, m->kernel);
  m->tokens = spec.tokens_count > 0;
  m->output = spec.output;
  m->differences = spec.blocks && spec.blocks->differences;
  m->input_size = spec.input_size / (m->differences ? 2 : 1);
  m->token_count = spec.tokens_count;
  m->output_size = spec.output_size;

  const Storage& first = m->layers.front().data().storage;
  const int64_t n = first.hidden_size, rows = m->tokens ? m->token_count : spec.input_size;
  if (rows < 1) fail("input_size must be at least 1");
  check_count(spec.codes, rows * n, "codes");
  check_count(spec.multipliers, spec.tokens_count, "multipliers");
  if (spec.blocks) {
    m->pool = block_pool(*spec.blocks, spec.output);
    integer->blocks = pack_blocks(spec, m->kernel, m->pool, first);
  } else {
    integer->codes = pack_rows(m->tokens ? spec.codes : transposed(spec.codes, n, rows), rows, first);
    if (spec.input_size == 1) integer->row.assign(integer->codes.begin(), integer->codes.end());
    integer->multipliers = spec.multipliers;
  }
  integer->input_scale = spec.input_scale;
  integer->input_low = spec.input_low;
  integer->input_high = spec.input_high;

  // Sums over units run in one order whatever the lanes.
  const Storage& last = (spec.blocks ? spec.blocks->layer : spec.layers.back().layer).data().storage;
  const int64_t groups = std::max<int64_t>(1, m->pool.groups()), entries = spec.output_size * groups * last.hidden_size;
  integer->integer_readout = spec.integer_readout;
  integer->logit_scale = spec.logit_scale;
  if (spec.integer_readout && !spec.blocks) {
    check_count(spec.output_codes, entries, "output_codes");
    check_count(spec.output_offset, spec.output_size, "output_offset");
    integer->output_codes = pack_rows(spec.output_codes, spec.output_size * groups, last);
    integer->output_offset = spec.output_offset;
  } else if (!spec.integer_readout) {
    check_count(spec.output_weight, entries, "output_weight");
    check_count(spec.output_bias, spec.output_size, "output_bias");
    m->output_weight = pack_readout(spec.output_weight, spec.output_size, groups, last);
    m->output_bias = spec.output_bias;
  }
  m->integer = std::move(integer);
  data_ = std::move(m);
}

}  // namespace hadamrnn
