// The fuzzer's function on random bytes: what can be had of it without a fuzzer.
#include "data.hpp"
#include "check.hpp"
#include "fuzz.hpp"
#include "tests.hpp"

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

}  // namespace hadamrnn::test
