#include "check.hpp"

#include <cinttypes>
#include <cstdio>

namespace hadamrnn::test {

Count& count() {
  static Count total;
  return total;
}

void check(bool ok, const std::string& what) {
  ++(ok ? count().passed : count().failed);
  if (!ok) std::printf("FAILED %s\n", what.c_str());
}

std::string show(double x) {
  char text[64];
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  std::snprintf(text, sizeof text, "%.17g (%016" PRIx64 ")", x, bits);
  return text;
}

std::string show(float x) {
  char text[64];
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  std::snprintf(text, sizeof text, "%.9g (%08" PRIx32 ")", double(x), bits);
  return text;
}

}  // namespace hadamrnn::test
