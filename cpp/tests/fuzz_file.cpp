#include <algorithm>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "file/loaded_data.hpp"
#include "fuzz.hpp"

namespace hadamrnn::test {
namespace {

constexpr int64_t most_steps = 64;  // a permutation may be of millions

// Some sequences in one batch, and each alone step by step: the same logits.
void run(const LoadedModel& model) {
  const int64_t size = 2, steps = model.steps() ? model.steps() : 5, o = model.output_size();
  if (steps > most_steps) return;
  const int64_t width = model.takes_tokens() ? 1 : model.input_size();
  std::vector<double> x(size_t(size * steps * width));
  std::vector<int32_t> ids(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = double(int(i * 37 % 19) - 9) / 4;
    ids[i] = int32_t(int64_t(i) % model.input_size());
  }
  const auto at = [&](int64_t step) -> const void* {
    return model.takes_tokens() ? static_cast<const void*>(&ids[size_t(step)]) : &x[size_t(step * width)];
  };
  const Number type = model.takes_tokens() ? Number::i32 : Number::f64;
  const int64_t rows = model.output() == Output::all ? steps : 1;
  std::vector<float> y(size_t(size * rows * o)), last(size_t(o), 0.0f);
  model.infer({at(0), type, size, steps}, y.data(), 2);
  if (!model.streams()) return;
  LoadedStream stream(model);
  for (int64_t i = 0; i < size; ++i) {
    stream.reset();
    for (int64_t t = 0; t < steps; ++t) stream.step(at(i * steps + t), type, last.data());
    if (first_difference(&y[size_t(((i + 1) * rows - 1) * o)], last.data(), o) >= 0) {
      throw std::logic_error("a stream and a batch differ");
    }
  }
}

}  // namespace

bool fuzz_file(const uint8_t* data, size_t size) {
  try {
    const LoadedModel model = file::read_model(data, size, false);
    try {
      run(model);
    } catch (const std::invalid_argument&) {  // what the network cannot add up
    }
    return true;
  } catch (const ModelFormatError&) {
    return false;
  }
}

}  // namespace hadamrnn::test
