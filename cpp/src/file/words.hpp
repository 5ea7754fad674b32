// Random words that every language computes alike (python/hadamrnn_ext/file/words.py): a 32-bit hash of a seed, a
// stream and a counter, modulo 2^32.
#pragma once

#include <cstdint>

namespace hadamrnn::file {

constexpr uint32_t mix(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ x >> 16;
}

// Any word of a stream alone.
class Words {
 public:
  constexpr Words(uint32_t seed, uint32_t stream) : key_(mix(seed ^ mix(stream))) {}
  constexpr uint32_t operator[](int64_t i) const { return mix(key_ + uint32_t(i)); }

 private:
  uint32_t key_;
};

// Code k of the eight, -8 .. 7, that a word holds: two's complement in 4 bits each, the lowest first.
constexpr int8_t code_of(uint32_t word, int k) {
  const auto nibble = int8_t(word >> 4 * k & 15);
  return int8_t(nibble - 2 * (nibble & 8));
}

}  // namespace hadamrnn::file
