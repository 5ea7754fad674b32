// Reads a model file and classifies an image of one byte per pixel, at once and as its pixels arrive:
//
//   classify smnist.safetensors digit.bin
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <vector>

#include "hadamrnn/load.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: classify MODEL IMAGE\n"), 2;
  try {
    const hadamrnn::LoadedModel model = hadamrnn::load(argv[1]);
    std::ifstream file(argv[2], std::ios::binary);
    const std::vector<char> pixels{std::istreambuf_iterator<char>(file), {}};
    const auto steps = int64_t(pixels.size()) / model.input_size();

    std::vector<float> logits(size_t(model.output_size()));
    const auto best = [&] { return int(std::max_element(logits.begin(), logits.end()) - logits.begin()); };
    model.infer({pixels.data(), hadamrnn::Number::u8, 1, steps}, logits.data());
    std::printf("the image is a %d\n", best());

    hadamrnn::LoadedStream stream(model);
    for (int64_t t = 0; t < steps; ++t) {
      stream.step(&pixels[size_t(t * model.input_size())], hadamrnn::Number::u8, logits.data());
      if ((t + 1) % 196 == 0) std::printf("after %d pixels it looks like a %d\n", int(t + 1), best());
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
