// For libFuzzer, which brings main: `make fuzz`.
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hadamrnn::test::fuzz_model(data, size);
  return 0;
}
