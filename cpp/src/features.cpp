#include "hadamrnn/features.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "fp_env.hpp"

namespace hadamrnn {
namespace {

// What float32 holds is computed with as such.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float> || (std::is_integral_v<T> && sizeof(T) <= 2), float, double>;

// One step of all channels after another, or all steps of a single one: what a compiler does several at a time.
template <class T, class F>
void normalize(const T* x, const F* offset, const F* scale, int64_t rows, int64_t size, float* out) {
  if (size == 1) {
    const F o = *offset, s = *scale;
    for (int64_t i = 0; i < rows; ++i) out[i] = float((F(x[i]) - o) / s);
    return;
  }
  for (int64_t i = 0; i < rows; ++i, x += size, out += size) {
    for (int64_t j = 0; j < size; ++j) out[j] = float((F(x[j]) - offset[j]) / scale[j]);
  }
}

}  // namespace

Features::Features(const FeaturesSpec& spec)
    : size_(spec.size), pixels_(spec.pixels), fine_(spec.fine), byte_scale_(spec.byte_scale) {
  if (size_ < 1) throw std::invalid_argument("a step has at least one feature, got " + std::to_string(size_));
  const auto fits = [this](size_t n) { return n == 0 || int64_t(n) == size_; };
  if (!fits(spec.offset.size()) || spec.offset.size() != spec.scale.size()) {
    throw std::invalid_argument("a normalization of " + std::to_string(spec.offset.size()) + " offsets and " +
                                std::to_string(spec.scale.size()) + " scales does not fit " + std::to_string(size_) +
                                " features");
  }
  wide_ = {spec.offset, spec.scale};
  narrow_ = {{spec.offset.begin(), spec.offset.end()}, {spec.scale.begin(), spec.scale.end()}};
}

bool Features::wide(Number type) {
  return type == Number::f64 || type == Number::i32 || type == Number::i64 || type == Number::u32 ||
         type == Number::u64;
}

bool Features::takes(Number type) const {
  if (fine_ && !wide(type)) return false;
  return !pixels_ || type == Number::f32 || type == Number::f64 || (type == Number::u8 && byte_scale_ > 0);
}

template <class T>
void Features::read_steps(const T* x, int64_t rows, float* out) const {
  if (plain()) {
    for (int64_t i = 0; i < rows * size_; ++i) out[i] = float(x[i]);
  } else if constexpr (std::is_same_v<Wide<T>, float>) {
    normalize(x, narrow_.offset.data(), narrow_.scale.data(), rows, size_, out);
  } else {
    normalize(x, wide_.offset.data(), wide_.scale.data(), rows, size_, out);
  }
}

template <>
void Features::read_steps(const uint8_t* x, int64_t rows, float* out) const {
  const float factor = byte_scale_ > 0 ? byte_scale_ : 1;
  for (int64_t i = 0; i < rows * size_; ++i) out[i] = float(x[i]) * factor;
  if (!plain()) normalize(out, narrow_.offset.data(), narrow_.scale.data(), rows, size_, out);
}

int64_t Features::read(const void* x, Number type, int64_t rows, float* out) const {
  const DefaultFpEnv env;
  const int64_t block = std::max<int64_t>(1, 4096 / size_);  // steps that are still in the cache when they are checked
  int64_t found = -1;
  const auto read_all = [&](const auto* numbers) {
    for (int64_t row = 0; row < rows; row += block) {
      const int64_t count = std::min(block, rows - row), first = row * size_;
      read_steps(numbers + first, count, out + first);
      if (found < 0 && (found = first_nonfinite(out + first, count * size_)) >= 0) found += first;
    }
  };
  switch (type) {
    case Number::f32: read_all(static_cast<const float*>(x)); break;
    case Number::f64: read_all(static_cast<const double*>(x)); break;
    case Number::i8: read_all(static_cast<const int8_t*>(x)); break;
    case Number::i16: read_all(static_cast<const int16_t*>(x)); break;
    case Number::i32: read_all(static_cast<const int32_t*>(x)); break;
    case Number::i64: read_all(static_cast<const int64_t*>(x)); break;
    case Number::u8: read_all(static_cast<const uint8_t*>(x)); break;
    case Number::u16: read_all(static_cast<const uint16_t*>(x)); break;
    case Number::u32: read_all(static_cast<const uint32_t*>(x)); break;
    case Number::u64: read_all(static_cast<const uint64_t*>(x)); break;
  }
  return found;
}

}  // namespace hadamrnn
