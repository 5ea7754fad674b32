// The proof that no sum of an integer model overflows, whatever the input, and which lanes a step fits: the rules of
// python/hadamrnn_ext/integer/bounds.py and block_bounds.py, which the file alone has to satisfy.
#pragma once

#include <cstdint>
#include <vector>

#include "file/card.hpp"
#include "file/parameters.hpp"

namespace hadamrnn::file {

// Whether a step of layer i is exact in 32 bits. Throws ModelFormatError where it could overflow 64.
bool prove_layer(const Card& card, const Parameters& parameters, size_t i);
// Throws ModelFormatError where an integer logit could overflow.
void prove_readout(const Card& card, const Parameters& parameters);

// beta of each unit of a network that forgets, (n), or empty for tokens.
std::vector<int64_t> block_bias(const Card& card, const Parameters& parameters);
// Whether a step of it is exact in lanes of 16 bits. Throws ModelFormatError where it could overflow 32, or for a
// constant out of range.
bool prove_blocks(const Card& card, const Parameters& parameters);

// Bits that a positive number takes.
inline int bit_length(int64_t x) {
  int bits = 0;
  for (; x > 0; x >>= 1) ++bits;
  return bits;
}

}  // namespace hadamrnn::file
