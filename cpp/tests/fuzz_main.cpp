// For libFuzzer, which brings main: `make fuzz`. HADAMRNN_FUZZED is one of the functions of fuzz.hpp.
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hadamrnn::test::HADAMRNN_FUZZED(data, size);
  return 0;
}
