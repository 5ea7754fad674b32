// Classifies the sequences in a file that write_network.py has written, and compares the logits with Python's:
//
//   classify smnist.bin
//
// The file is little-endian and has no padding: seven int64 (hidden_size n, block_size, base, inputs d, outputs o,
// count, steps), int8 core (base, base) and signs (n), then float32 bias (n), input weight (n, d), output weight (o,
// n), output bias (o), sequences (count, steps, d), and the logits (count, o) that Python computed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "hadamrnn/model.hpp"
#include "hadamrnn/stream.hpp"

namespace {

template <class T>
std::vector<T> read(std::ifstream& file, int64_t count) {
  std::vector<T> values(static_cast<size_t>(count));
  if (!file.read(reinterpret_cast<char*>(values.data()), std::streamsize(values.size() * sizeof(T)))) {
    throw std::runtime_error("the file is too short");
  }
  return values;
}

void run(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("the file cannot be read");
  const std::vector<int64_t> sizes = read<int64_t>(file, 7);
  const int64_t n = sizes[0], base = sizes[2], d = sizes[3], o = sizes[4], count = sizes[5], steps = sizes[6];

  hadamrnn::LayerSpec layer;
  layer.hidden_size = n;
  layer.block_size = sizes[1];
  layer.base = int32_t(base);
  layer.core = read<int8_t>(file, base * base);
  layer.signs = read<int8_t>(file, n);
  layer.bias = read<float>(file, n);
  layer.recurrence = "linear";

  hadamrnn::ModelSpec spec;
  spec.layers.emplace_back(layer);
  spec.input_size = d;
  spec.input_weight = read<float>(file, n * d);
  spec.output_size = o;
  spec.output_weight = read<float>(file, o * n);
  spec.output_bias = read<float>(file, o);
  const hadamrnn::Model model(spec);

  const std::vector<float> x = read<float>(file, count * steps * d), expected = read<float>(file, count * o);
  std::vector<float> y(size_t(count * o));
  hadamrnn::Batch batch;
  batch.size = count;
  batch.steps = steps;
  batch.x = x.data();
  model.infer(batch, y.data(), 1);
  for (int64_t i = 0; i < count; ++i) {
    const float* logits = &y[size_t(i * o)];
    if (!std::all_of(logits, logits + o, [](float logit) { return std::isfinite(logit); })) {
      throw std::runtime_error("sequence " + std::to_string(i) + " has logits that are not finite");
    }
    std::printf("sequence %d: class %d\n", int(i), int(std::max_element(logits, logits + o) - logits));
  }

  // The first sequence again, as if its steps arrived one at a time.
  hadamrnn::Stream stream(model, 1);
  std::vector<float> last(static_cast<size_t>(o));
  hadamrnn::Batch step;
  step.size = step.steps = 1;
  for (int64_t t = 0; t < steps; ++t) {
    step.x = &x[size_t(t * d)];
    stream.run(step, false, last.data());
  }
  const bool same = std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)) == 0 &&
                    std::memcmp(y.data(), last.data(), last.size() * sizeof(float)) == 0;
  if (!same) throw std::runtime_error("the logits differ from those of Python");
  std::printf("the same logits as in Python, to the bit, on %s\n", hadamrnn::isa_name(model.isa()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: classify FILE, where write_network.py has written FILE\n");
    return 2;
  }
  try {
    run(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[1], error.what());
    return 1;
  }
  return 0;
}
