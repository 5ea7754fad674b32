#include <cmath>
#include <stdexcept>
#include <string>

#include "layer_data.hpp"

namespace hadamrnn {
namespace {

[[noreturn]] void fail(const std::string& text) { throw std::invalid_argument(text); }

void check_signs(const std::vector<int8_t>& signs, int64_t size, const char* what) {
  if (int64_t(signs.size()) != size) {
    fail(std::string(what) + " has " + std::to_string(signs.size()) + " entries, expected " + std::to_string(size));
  }
  for (const int8_t s : signs) {
    if (s != 1 && s != -1) fail(std::string(what) + " has the entry " + std::to_string(s) + ", expected +1 or -1");
  }
}

template <class T>
void check_size(const std::vector<T>& values, int64_t size, const char* what) {
  if (int64_t(values.size()) != size) {
    fail(std::string(what) + " has " + std::to_string(values.size()) + " entries, expected " + std::to_string(size));
  }
}

// Exact: 1 - lambda has five significant bits.
double decay(uint8_t code) { return 1 - std::ldexp(16.0 + (code & 15), -5 - (code >> 4)); }

}  // namespace

Storage::Storage(int64_t n, int64_t m, int32_t r) : hidden_size(n), block_size(m), base(r) {
  if (r < 1 || m < 1 || n < 1 || n % m != 0 || m % r != 0) {
    fail("hidden_size " + std::to_string(n) + " must be a multiple of block_size " + std::to_string(m) +
         ", and block_size of its base order " + std::to_string(r));
  }
  const int64_t power = m / r;
  if ((power & (power - 1)) != 0 || power > (int64_t(1) << 24)) {
    fail("block_size " + std::to_string(m) + " is not " + std::to_string(r) + " times a power of two");
  }
  if (r != 1 && r % 4 != 0) fail("base order " + std::to_string(r) + " is not 1 or a multiple of 4");
  while ((int64_t(1) << log2) < power) ++log2;
  row = round_up(n / r, lane_group);
  index.resize(size_t(n));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t block = i / m, a = i % m / r, b = i % r;
    index[size_t(i)] = int32_t(b * row + block * power + a);
  }
}

Storage Storage::interleaved(int64_t group) const {
  Storage s = *this;
  const int64_t blocks = group / block_size;
  for (int64_t i = 0; i < hidden_size; ++i) {
    const int64_t at = i % group;
    s.index[size_t(i)] = int32_t(i - at + at % block_size * blocks + at / block_size);
  }
  return s;
}

Hadamard::Hadamard(const Storage& storage, const std::vector<int8_t>& core) : storage_(storage) {
  const int64_t r = storage.base;
  check_signs(core, r * r, "core");
  const auto fill = [&](auto& into) {
    into.plain.assign(core.begin(), core.end());
    into.transposed.resize(core.size());
    for (int64_t i = 0; i < r; ++i) {
      for (int64_t j = 0; j < r; ++j) into.transposed[size_t(j * r + i)] = core[size_t(i * r + j)];
    }
  };
  fill(f32_);
  fill(f64_);
  fill(i32_);
}

template <>
const Hadamard::Core<float>& Hadamard::core() const {
  return f32_;
}
template <>
const Hadamard::Core<double>& Hadamard::core() const {
  return f64_;
}
template <>
const Hadamard::Core<int32_t>& Hadamard::core() const {
  return i32_;
}

template <class T>
Geometry<T> Hadamard::geometry() const {
  return {storage_.row, storage_.log2, storage_.base, core<T>().plain.data(), core<T>().transposed.data()};
}
// Lanes of 16 bits are for blocks of base order 1, which have no core.
template <>
Geometry<int16_t> Hadamard::geometry() const {
  return {storage_.row, storage_.log2, storage_.base, nullptr, nullptr};
}
template Geometry<float> Hadamard::geometry() const;
template Geometry<double> Hadamard::geometry() const;
template Geometry<int32_t> Hadamard::geometry() const;

int Hadamard::entry(int64_t i, int64_t j) const {
  const int64_t m = storage_.block_size, r = storage_.base;
  if (i / m != j / m) return 0;
  int64_t both = (i % m / r) & (j % m / r);
  int sign = f32_.plain[size_t((i % r) * r + j % r)] > 0 ? 1 : -1;
  for (; both != 0; both &= both - 1) sign = -sign;  // Sylvester: (-1)^popcount(a & a')
  return sign;
}

Activation parse_activation(const std::string& name) {
  if (name == "linear") return Activation::linear;
  if (name == "relu") return Activation::relu;
  if (name == "modrelu") return Activation::modrelu;
  if (name == "sign") return Activation::sign;
  fail("recurrence '" + name + "' is unknown; expected linear, relu, modrelu or sign");
}

InputActivation parse_input_activation(const std::string& name) {
  if (name == "linear") return InputActivation::linear;
  if (name == "relu") return InputActivation::relu;
  if (name == "clip") return InputActivation::clip;
  fail("input activation '" + name + "' is unknown; expected linear, relu or clip");
}

Layer::Layer(const LayerSpec& spec) {
  auto d = std::make_shared<LayerData>();
  d->storage = Storage(spec.hidden_size, spec.block_size, spec.base);
  d->hadamard = Hadamard(d->storage, spec.core);
  d->activation = parse_activation(spec.recurrence);
  const int64_t n = spec.hidden_size;
  check_signs(spec.signs, n, "signs");
  check_size(spec.bias, n, "bias");
  check_size(spec.modrelu, d->activation == Activation::modrelu ? n : 0, "modrelu");
  check_signs(spec.input_signs, n * spec.input_size, "input_signs");

  const size_t size = size_t(d->storage.size());
  d->su.resize(size);
  d->bias.resize(size);
  d->storage.to_storage(spec.signs.data(), d->su.data());
  d->storage.to_storage(spec.bias.data(), d->bias.data());
  const float scale = float(1.0 / std::sqrt(double(spec.block_size)));
  if (spec.decays.empty()) {
    for (float& s : d->su) s *= scale;
  } else {
    check_size(spec.decays, n / spec.block_size, "decays");
    for (int64_t i = 0; i < n; ++i) {
      d->su[size_t(d->storage.index[size_t(i)])] *= float(decay(spec.decays[size_t(i / spec.block_size)]) * scale);
    }
  }
  if (d->activation == Activation::modrelu) {
    d->modrelu.resize(size);
    d->storage.to_storage(spec.modrelu.data(), d->modrelu.data());
  }
  d->input_size = spec.input_size;
  d->input_signs = spec.input_signs;
  data_ = std::move(d);
}

int64_t Layer::hidden_size() const { return data_->storage.hidden_size; }
int64_t Layer::input_size() const { return data_->input_size; }

}  // namespace hadamrnn
