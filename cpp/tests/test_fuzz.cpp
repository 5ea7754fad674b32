// The fuzzers' functions on random bytes, and on model files with random changes: what can be had without a fuzzer.
#include <fstream>
#include <iterator>

#include "data.hpp"
#include "check.hpp"
#include "fuzz.hpp"
#include "tests.hpp"
#include "trace.hpp"

namespace hadamrnn::test {

void test_fuzz() {
  Random random;
  int made = 0, refused = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::vector<uint8_t> data = random.integers<uint8_t>(random.integer(0, 4096), 0, 255);
    try {
      (fuzz_model(data.data(), data.size()) ? made : refused) += 1;
    } catch (const std::exception& error) {
      check(false, "random model " + std::to_string(i) + ": " + error.what());
    }
  }
  check(made > 200 && refused > 200,
        "random models: " + std::to_string(made) + " made, " + std::to_string(refused) + " refused");
}

// Digits are changed to digits now and then, so that JSON stays JSON.
std::vector<uint8_t> changed(std::vector<uint8_t> data, Random& random) {
  for (int64_t count = random.integer(1, 4); count > 0; --count) {
    uint8_t& byte = data[size_t(random.integer(0, int64_t(data.size()) - 1))];
    const bool digit = byte >= '0' && byte <= '9';
    byte = uint8_t(digit && random.integer(0, 7) > 0 ? random.integer('0', '9') : random.integer(0, 255));
  }
  if (random.integer(0, 31) == 0) data.resize(size_t(random.integer(0, int64_t(data.size()))));
  return data;
}

void test_fuzz_files(const std::string& traces) {
  const std::string folder = traces.substr(0, traces.find_last_of("/\\") + 1);
  Random random;
  int made = 0, refused = 0;
  for (const Trace& trace : read_traces(folder + "files.txt")) {
    if (!trace.has("file") || trace.at("file").word.find("golden_files") == std::string::npos) continue;
    std::ifstream in(folder + "../../" + trace.at("file").word, std::ios::binary);
    const std::vector<uint8_t> good{std::istreambuf_iterator<char>(in), {}};
    for (int i = 0; i < 200; ++i) {
      const std::vector<uint8_t> data = changed(good, random);
      try {
        (fuzz_file(data.data(), data.size()) ? made : refused) += 1;
      } catch (const std::exception& error) {
        check(false, "change " + std::to_string(i) + " of " + trace.name + ": " + error.what());
      }
    }
  }
  check(made > 200 && refused > 200,
        "changed files: " + std::to_string(made) + " accepted, " + std::to_string(refused) + " refused");
}

}  // namespace hadamrnn::test
