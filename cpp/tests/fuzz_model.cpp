#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "fuzz.hpp"
#include "hadamrnn/stream.hpp"

namespace hadamrnn::test {
namespace {

// Decisions read off the bytes; zeros when they end.
class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : data_(data), end_(data + size) {}
  int64_t below(int64_t count) { return byte() % count; }
  // Mostly what is expected, now and then something else.
  int64_t near(int64_t expected) {
    if (below(32) != 0) return expected;
    const int64_t other[] = {0, -1, 1, expected + 1, expected - 1, int64_t(1) << 40};
    return other[below(6)];
  }
  template <class T>
  std::vector<T> signs(int64_t n) {
    std::vector<T> x(count(n));
    for (T& v : x) v = T(below(2) ? 1 : -1);
    if (!x.empty() && below(32) == 0) x.back() = T(below(4));
    return x;
  }
  // Among them denormal and huge numbers, infinities and NaN.
  std::vector<float> floats(int64_t n) {
    std::vector<float> x(count(n));
    for (float& v : x) {
      const int b = int(byte());
      const uint32_t bits = uint32_t(b) << 24 | uint32_t(b) << 9;
      std::memcpy(&v, &bits, sizeof v);
      if (b < 250) v = float(b - 125) / 16;
    }
    return x;
  }

 private:
  uint8_t byte() { return data_ < end_ ? *data_++ : 0; }
  size_t count(int64_t n) { return size_t(std::clamp<int64_t>(near(n), 0, 1 << 16)); }

  const uint8_t* data_;
  const uint8_t* end_;
};

Layer layer(Choices& choose, int64_t below) {
  static const char* const recurrences[] = {"linear", "relu", "modrelu", "sign", "linear", "relu", "modrelu", "tanh"};
  LayerSpec spec;
  spec.base = choose.below(4) == 0 ? int32_t(choose.near(12)) : 1;
  spec.block_size = spec.base * (int64_t(1) << choose.below(6));
  spec.hidden_size = choose.near(spec.block_size * (1 + choose.below(3)));
  if (spec.hidden_size > 1 << 12) spec.hidden_size = -1;
  spec.core = choose.signs<int8_t>(int64_t(spec.base) * spec.base);
  spec.signs = choose.signs<int8_t>(spec.hidden_size);
  spec.bias = choose.floats(spec.hidden_size);
  spec.recurrence = recurrences[choose.below(8)];
  if (spec.recurrence == "modrelu") spec.modrelu = choose.floats(spec.hidden_size);
  spec.input_size = below;
  spec.input_signs = choose.signs<int8_t>(below * spec.hidden_size);
  return Layer(spec);
}

Model model(Choices& choose) {
  ModelSpec spec;
  const int64_t layers = choose.below(8) == 0 ? 2 : 1;
  for (int64_t l = 0; l < layers; ++l) spec.layers.push_back(layer(choose, l ? spec.layers[0].hidden_size() : 0));
  spec.input_size = choose.near(1 + choose.below(4));
  spec.tokens = choose.below(3) == 0;
  spec.input_weight = choose.floats(spec.layers.front().hidden_size() * spec.input_size);
  if (spec.tokens && choose.below(2)) {
    spec.tokens_count = choose.near(5);
    spec.embedding = choose.floats(spec.tokens_count * spec.input_size);
  }
  spec.output_size = choose.near(1 + choose.below(9));
  spec.output_weight = choose.floats(spec.output_size * spec.layers.back().hidden_size());
  spec.output_bias = choose.floats(spec.output_size);
  spec.output = Output(choose.below(3));
  spec.kernel = Kernel(choose.below(5));
  return Model(spec);
}

void same(const float* a, const float* b, int64_t n, const char* what) {
  if (first_difference(a, b, n) >= 0) throw std::logic_error(what);
}

// A batch on several threads, and each sequence in a stream, cut in two: the same logits after the last step.
void run(const Model& m, Choices& choose) {
  const int64_t batch = 1 + choose.below(4), steps = 1 + choose.below(70), o = m.output_size();
  const std::vector<float> x = choose.floats(m.takes_tokens() ? 0 : batch * steps * m.input_size());
  if (!m.takes_tokens() && int64_t(x.size()) != batch * steps * m.input_size()) return;
  std::vector<int32_t> ids(size_t(batch * steps));
  for (int32_t& id : ids) id = int32_t(choose.below(8)) - 1;
  if (choose.below(4)) {
    for (int32_t& id : ids) id = std::clamp<int32_t>(id, 0, int32_t(std::max<int64_t>(m.token_count(), 1)) - 1);
  }
  const int64_t each = m.output() == Output::all ? steps * o : o;
  std::vector<float> y(static_cast<size_t>(batch * each)), last(static_cast<size_t>(o));
  Batch all{batch, steps, x.data(), ids.data(), nullptr};
  m.infer(all, y.data(), 1 + int(choose.below(3)));
  for (int64_t i = 0; i < batch; ++i) {
    Stream stream(m, 1);
    const int64_t cut = choose.below(steps + 1), at = i * steps;
    const auto feed = [&](int64_t from, int64_t count) {
      const float* features = m.takes_tokens() ? nullptr : x.data() + (at + from) * m.input_size();
      stream.run({1, count, features, ids.data() + at + from, nullptr}, false, last.data());
    };
    feed(0, cut);
    feed(cut, steps - cut);
    same(&y[size_t((i + 1) * each - o)], last.data(), o, "a stream and a batch differ");
    std::vector<float> h(size_t(stream.hidden_size(0)));
    stream.get_state(0, 0, h.data());
    stream.set_state(0, 0, h.data());
  }
}

}  // namespace

bool fuzz_model(const uint8_t* data, size_t size) {
  Choices choose(data, size);
  try {
    run(model(choose), choose);
  } catch (const std::invalid_argument&) {
    return false;
  }
  return true;
}

}  // namespace hadamrnn::test
