#include "file/raw_input.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hadamrnn::file {
namespace {

constexpr const char* type_names[] = {"float32", "float64", "int8",   "int16",  "int32",
                                      "int64",   "uint8",   "uint16", "uint32", "uint64"};
constexpr int64_t type_sizes[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8};

[[noreturn]] void refuse(const std::string& text) { throw std::invalid_argument(text); }

const uint8_t* at(const void* x, Number type, int64_t i) {
  return static_cast<const uint8_t*>(x) + i * type_sizes[int(type)];
}

template <class F>
void with_type(const void* x, Number type, const F& f) {
  switch (type) {
    case Number::f32: return f(static_cast<const float*>(x));
    case Number::f64: return f(static_cast<const double*>(x));
    case Number::i8: return f(static_cast<const int8_t*>(x));
    case Number::i16: return f(static_cast<const int16_t*>(x));
    case Number::i32: return f(static_cast<const int32_t*>(x));
    case Number::i64: return f(static_cast<const int64_t*>(x));
    case Number::u8: return f(static_cast<const uint8_t*>(x));
    case Number::u16: return f(static_cast<const uint16_t*>(x));
    case Number::u32: return f(static_cast<const uint32_t*>(x));
    case Number::u64: return f(static_cast<const uint64_t*>(x));
  }
}

// The smallest and the largest value of a channel.
struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
};

// Without a normalization, large numbers are taken to have an offset, beside which float32 would lose what changes.
void check_differences(const Range& range, int64_t channel) {
  constexpr double large = 1 << 24;
  const double peak = std::max(std::fabs(range.low), std::fabs(range.high));
  if (peak >= large && peak <= double(std::numeric_limits<float>::max()) && too_fine(peak, range.high - range.low)) {
    refuse("channel " + std::to_string(channel) + " lies between " + std::to_string(range.low) + " and " +
           std::to_string(range.high) + ", where float32, which the network reads, has too few steps, and this model " +
           "does not normalize; expected numbers without that offset");
  }
}

}  // namespace

std::string place(int64_t sequence, int64_t step, int64_t size) {
  return "step " + std::to_string(step) + (size == 1 ? "" : " of sequence " + std::to_string(sequence));
}

void RawInput::check(const Sequences& s) const {
  if (int(s.type) < 0 || int(s.type) >= int(std::size(type_names))) {
    refuse("the type of the numbers is " + std::to_string(int(s.type)) + "; expected 0 .. 9");
  }
  if (s.size < 0 || s.steps < 0) {
    refuse("there are " + std::to_string(s.size) + " sequences of " + std::to_string(s.steps) +
           " steps; expected no negative numbers");
  }
  if (!s.x && s.size > 0 && s.steps > 0) refuse("the numbers are at a null pointer");
  for (int64_t i = 0; s.lengths && i < s.size; ++i) {
    if (s.lengths[i] < 1 || s.lengths[i] > s.steps) {
      refuse("the length of sequence " + std::to_string(i) + " is " + std::to_string(s.lengths[i]) +
             "; expected 1 .. " + std::to_string(s.steps));
    }
  }
  const auto fixed = int64_t(data_.permutation.size());
  const bool whole = !s.lengths || std::all_of(s.lengths, s.lengths + s.size, [&](int64_t n) { return n == fixed; });
  if (fixed > 0 && (s.steps != fixed || !whole)) {
    refuse("there are sequences of other than " + std::to_string(fixed) +
           " steps; this model reads that many in an order of its own");
  }
}

Batch RawInput::read(const Sequences& s) {
  check(s);
  Batch batch;
  batch.size = s.size;
  batch.steps = s.steps;
  batch.lengths = s.lengths;
  if (data_.card.tokens) {
    read_tokens(s, batch);
  } else {
    read_features(s, batch);
  }
  if (!data_.permutation.empty()) permute(batch);
  return batch;
}

void RawInput::check_type(Number type) const {
  if (data_.features->takes(type)) return;
  refuse(std::string("the numbers are ") + type_names[int(type)] +
         (data_.card.preprocess.uint8_scale > 0 && type != Number::f32
              ? "; this model takes uint8 0 .. 255, or floats 0 .. 1"
              : "; expected float64: the signal varies by less than float32 can hold at its offset"));
}

void RawInput::read_features(const Sequences& s, Batch& batch) {
  check_type(s.type);
  const int64_t d = data_.card.input_size;
  const bool in_place = s.type == Number::f32 && data_.features->plain();
  if (!in_place) floats_.assign(size_t(s.size * s.steps * d), 0.0f);  // padding is not read
  batch.x = in_place ? static_cast<const float*>(s.x) : floats_.data();
  std::vector<Range> ranges(data_.features->plain() && Features::wide(s.type) ? size_t(d) : 0);
  for (int64_t i = 0; i < s.size; ++i) {
    const int64_t first = i * s.steps * d, steps = s.lengths ? s.lengths[i] : s.steps;
    const uint8_t* x = at(s.x, s.type, first);
    const int64_t found = in_place ? first_nonfinite(batch.x + first, steps * d)
                                   : data_.features->read(x, s.type, steps, floats_.data() + first);
    if (found >= 0) {
      refuse("feature " + std::to_string(found % d) + " of " + place(i, found / d, s.size) +
             " is not finite as the float32 that the network reads; expected finite numbers");
    }
    if (ranges.empty()) continue;
    with_type(x, s.type, [&](const auto* numbers) {
      for (int64_t k = 0; k < steps * d; ++k) {
        Range& range = ranges[size_t(k % d)];
        range.low = std::min(range.low, double(numbers[k]));
        range.high = std::max(range.high, double(numbers[k]));
      }
    });
  }
  for (size_t channel = 0; channel < ranges.size() && s.size > 0; ++channel) {
    check_differences(ranges[channel], int64_t(channel));
  }
}

void RawInput::read_tokens(const Sequences& s, Batch& batch) {
  if (s.type == Number::f32 || s.type == Number::f64) {
    refuse(std::string("the numbers are ") + type_names[int(s.type)] + "; expected integer tokens 0 .. " +
           std::to_string(data_.card.input_size - 1));
  }
  ids_.assign(size_t(s.size * s.steps), 0);
  batch.ids = ids_.data();
  with_type(s.x, s.type, [&](const auto* x) {
    for (int64_t i = 0; i < s.size; ++i) {
      for (int64_t t = 0; t < (s.lengths ? s.lengths[i] : s.steps); ++t) {
        const auto token = x[i * s.steps + t];
        if (!(token >= 0 && uint64_t(token) < uint64_t(data_.card.input_size))) {
          refuse("the token at " + place(i, t, s.size) + " is " + std::to_string(token) + "; expected 0 .. " +
                 std::to_string(data_.card.input_size - 1));
        }
        ids_[size_t(i * s.steps + t)] = int32_t(token);
      }
    }
  });
}

void RawInput::permute(Batch& batch) {
  const auto permuted = [&](const auto* x, int64_t width) {
    std::vector<std::decay_t<decltype(*x)>> out(size_t(batch.size * batch.steps * width));
    for (int64_t row = 0; row < batch.size * batch.steps; ++row) {
      const int64_t first = row - row % batch.steps;
      const auto* from = x + (first + data_.permutation[size_t(row % batch.steps)]) * width;
      std::copy(from, from + width, out.begin() + row * width);
    }
    return out;
  };
  if (batch.ids) {
    ids_ = permuted(batch.ids, 1);
    batch.ids = ids_.data();
  } else {
    floats_ = permuted(batch.x, data_.card.input_size);
    batch.x = floats_.data();
  }
}

Batch RawInput::reversed(const Batch& given) {
  Batch batch = given;
  if (given.ids) {
    ids_ = reversed_rows(given.ids, given, 1);
    batch.ids = ids_.data();
  } else {
    floats_ = reversed_rows(given.x, given, data_.card.input_size);
    batch.x = floats_.data();
  }
  return batch;
}

}  // namespace hadamrnn::file
