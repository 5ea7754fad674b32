#include "block_model.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

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

// The largest a with |x| 2^a < 2^(bits - 1).
int32_t room(int64_t x, int32_t bits) {
  int32_t a = 0;
  while (a < 30 && x << (a + 1) < int64_t(1) << (bits - 1)) ++a;
  return a;
}

// (q) of blocks as (n) of units.
template <class T>
std::vector<T> of_units(const std::vector<T>& blocks, int64_t block_size) {
  std::vector<T> units;
  for (const T value : blocks) units.insert(units.end(), size_t(block_size), value);
  return units;
}

template <class T, class S>
Buffer<T> stored(const std::vector<S>& units, const Storage& storage, int64_t rows = 1) {
  Buffer<T> packed(size_t(rows * storage.size()));
  for (int64_t i = 0; i < rows; ++i) {
    storage.to_storage(&units[size_t(i * storage.hidden_size)], &packed[size_t(i * storage.size())]);
  }
  return packed;
}

void pack_input(const IntegerSpec& spec, const Storage& s, BlockData& d) {
  const BlockSpec& b = *spec.blocks;
  const int64_t n = s.hidden_size, q = n / s.block_size;
  check_count(b.input_multiplier, q, "input_multiplier");
  check_count(b.input_bound, b.input_bound.empty() ? 0 : q, "input_bound");
  check_count(b.bias, n, "bias");
  const std::vector<int32_t> shift = of_units(b.input_shift, s.block_size);
  std::vector<int32_t> bias = b.bias;
  for (int64_t i = 0; i < n; ++i) bias[size_t(i)] += (int32_t(1) << shift[size_t(i)]) >> 1;
  d.bias = stored<int32_t>(bias, s);
  d.input_shift = stored<int32_t>(shift, s);
  if (!b.input_bound.empty()) d.bound = stored<int32_t>(of_units(b.input_bound, s.block_size), s);
  const int64_t width = spec.input_size, pairs = (width + 1) / 2;
  d.weights.resize(size_t(pairs * s.size() * 2));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      const int32_t weight = spec.codes[size_t(i * width + j)] * b.input_multiplier[size_t(i / s.block_size)];
      const int64_t at = s.index[size_t(i)], panel = at / lane_group * pairs + j / 2;
      d.weights[size_t((panel * lane_group + at % lane_group) * 2 + j % 2)] = int16_t(weight);
    }
  }
  d.input.pairs = pairs;
}

// v + half of every token.
std::vector<int32_t> table(const IntegerSpec& spec, const Storage& s, int32_t half) {
  const int64_t n = s.hidden_size;
  std::vector<int32_t> rows(size_t(spec.tokens_count * n));
  for (int64_t t = 0; t < spec.tokens_count; ++t) {
    for (int64_t i = 0; i < n; ++i) {
      const int32_t r = spec.blocks->input_shift[size_t(i / s.block_size)];
      const int32_t product = spec.codes[size_t(t * n + i)] * spec.multipliers[size_t(t)];
      rows[size_t(t * n + i)] = ((product + ((int32_t(1) << r) >> 1)) >> r) + half;
    }
  }
  return rows;
}

template <class T>
void pack_lanes(const IntegerSpec& spec, const Storage& s, const std::vector<int32_t>& factors, BlockLanes<T>& lanes) {
  lanes.factors = stored<T>(factors, s);
  const int32_t half = (int32_t(1) << spec.blocks->fraction_bits) >> 1;
  if (spec.tokens_count > 0) lanes.table = stored<T>(table(spec, s, half), s, spec.tokens_count);
}

void pack_readout(const IntegerSpec& spec, const Storage& s, const Pool<float>& pool, BlockData& d) {
  const int64_t groups = std::max<int64_t>(1, pool.groups()), features = round_up(groups * s.size(), feature_group);
  check_count(spec.output_codes, spec.output_size * groups * s.hidden_size, "output_codes");
  check_count(spec.output_offset, spec.output_size, "output_offset");
  d.output_codes.resize(size_t(spec.output_size * features));
  d.output_offset.assign(spec.output_offset.begin(), spec.output_offset.end());
  const int8_t* codes = spec.output_codes.data();
  for (int64_t k = 0; k < spec.output_size; ++k) {
    int16_t* row = &d.output_codes[size_t(k * features)];
    for (int64_t g = 0; g < groups; ++g, codes += s.hidden_size) s.to_storage(codes, row + g * s.size());
    if (pool.groups() == 0) continue;
    for (int64_t j = 0; j < features; ++j) d.output_offset[size_t(k)] += int64_t(feature_offset) * row[j];
  }
}

// Units of a group: as many as the registers of every instruction set hold, if they can.
int64_t group_size(const Storage& s) {
  int64_t group = s.block_size;
  while (group < usual_group && s.hidden_size % (2 * group) == 0) group *= 2;
  return group;
}

}  // namespace

Layer block_layer(const BlockSpec& spec, Kernel kernel) {
  const Layer& layer = spec.layer;
  if (!spec.is_short || kernel != Kernel::fwht) return layer;
  const Storage& s = layer.data().storage;
  if (s.block_size > largest_group) fail("lanes of 16 bits are for blocks of at most 256 units");
  if (s.base != 1 || s.size() != s.hidden_size || s.hidden_size % 32 != 0) {
    fail("lanes of 16 bits are for blocks of a power of two, and 32 units or a multiple");
  }
  auto d = std::make_shared<LayerData>(layer.data());
  d->storage = s.interleaved(group_size(s));
  for (int64_t i = 0; i < s.hidden_size; ++i) {
    d->su[size_t(d->storage.index[size_t(i)])] = layer.data().su[size_t(i)];
  }
  return Layer(std::move(d));
}

Pool<float> block_pool(const BlockSpec& spec, Output output) {
  Pool<float> pool;
  const bool mean = output == Output::mean;
  pool.thresholds = mean ? 1 : spec.count;
  pool.excess = mean || spec.excess;
  pool.share = !mean && spec.share;
  pool.time_constant = mean ? 0 : spec.time_constant;
  if (pool.thresholds > 0 && pool.groups() < 1) fail("a pool has no features; expected excess or share");
  if (pool.time_constant < 0 || pool.time_constant > 15) fail("the time constant of a pool is not 0 .. 15");
  return pool;
}

std::unique_ptr<const BlockData> pack_blocks(const IntegerSpec& spec, Kernel kernel, const Pool<float>& pool,
                                             const Storage& s) {
  const BlockSpec& b = *spec.blocks;
  const LayerData& layer = b.layer.data();
  const int64_t n = s.hidden_size, q = n / s.block_size;
  if (layer.activation != Activation::linear && layer.activation != Activation::relu) {
    fail("an integer model that forgets has a linear or relu recurrence");
  }
  if (b.state_bits < 8 || b.state_bits > 16) fail("state_bits is " + std::to_string(b.state_bits) + ", expected 8..16");
  if (b.fraction_bits < 1 || b.fraction_bits > 30 || b.product_shift < 1 || b.product_shift > 30) {
    fail("fraction_bits and product_shift must be 1..30");
  }
  if (b.differences && (spec.tokens_count > 0 || spec.input_size % 2 != 0)) {
    fail("differences are for features, whose number input_size is twice");
  }
  check_count(b.scale, q, "scale");
  check_count(b.multiplier, q, "multiplier");
  check_count(b.input_shift, q, "input_shift");
  for (const int32_t r : b.input_shift) {
    if (r < 0 || r > 30) fail("input_shift must be 0..30");
  }
  check_count(b.thresholds, b.count * n, "thresholds");

  auto d = std::make_unique<BlockData>();
  // Other kernels than the transform want lanes of 32 bits, which hold what those of 16 do.
  d->is_short = b.is_short && kernel == Kernel::fwht;
  d->end = d->is_short ? group_size(s) : 0;
  d->first = d->end / s.block_size;
  d->state_bits = b.state_bits;
  d->high = (1 << (b.state_bits - 1)) - 1;
  d->low = layer.activation == Activation::relu ? 0 : -d->high;
  d->shift = b.fraction_bits;
  d->scale = stored<float>(of_units(b.scale, s.block_size), s);
  const int32_t bits = d->is_short ? 16 : 32;
  d->widen = std::min(room(s.block_size * d->high, bits), bits - b.product_shift);
  if (d->widen < 0) fail("product_shift is more than a lane has bits");
  std::vector<int32_t> factors = of_units(b.multiplier, s.block_size);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t factor = int64_t(factors[size_t(i)]) << (bits - b.product_shift - d->widen);
    if (factor < 0 || factor >= int64_t(1) << (bits - 1)) fail("a multiplier takes more bits than a lane has");
    factors[size_t(i)] = layer.su[size_t(layer.storage.index[size_t(i)])] > 0 ? int32_t(factor) : -int32_t(factor);
  }
  if (d->is_short) {
    pack_lanes(spec, s, factors, d->narrow);
  } else {
    pack_lanes(spec, s, factors, d->wide);
  }
  if (spec.tokens_count == 0) pack_input(spec, s, *d);
  d->input.size = s.size();
  d->input.rectified = b.rectified;
  d->input.half = (int32_t(1) << b.fraction_bits) >> 1;
  if (pool.thresholds > 0) {
    const std::vector<int32_t> zero(size_t(n), 0);
    const std::vector<int32_t>& thresholds = b.count > 0 ? b.thresholds : zero;
    d->narrow.threshold = stored<int16_t>(thresholds, s, pool.thresholds);
    d->wide.threshold = stored<int32_t>(thresholds, s, pool.thresholds);
  }
  if (spec.integer_readout) pack_readout(spec, s, pool, *d);
  return d;
}

}  // namespace hadamrnn
