// How raw input becomes what a network reads: the part "preprocess" of a card.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "file/json.hpp"

namespace hadamrnn::file {

struct Preprocess {
  double uint8_scale = 0;             // 0: no model of pixels
  std::vector<double> offset, scale;  // a normalization, or empty
  uint32_t seed = 0;                  // of a permutation of
  int64_t steps = 0;                  // so many; 0: none
  std::vector<std::string> words;     // of a vocabulary, or empty

  // (steps) of a permutation: step t of the network is step [t] of the input.
  std::vector<int32_t> permutation() const;
  // Whether float32 cannot hold some channel's signal at its offset.
  bool fine() const;
};

// Throws ModelFormatError.
Preprocess read_preprocess(const Json& json, const std::string& where);

// Whether float32 loses a signal with this spread about this offset (python/hadamrnn_ext/file/resolution.py).
bool too_fine(double offset, double spread);

}  // namespace hadamrnn::file
