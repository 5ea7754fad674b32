// What a LoadedModel holds.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "file/card.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn {

struct LoadedData {
  file::Card card;
  Model model;
  std::optional<Model> reverse;      // reads each sequence from its end; its logits are added
  std::optional<Features> features;  // none for tokens
  std::vector<int32_t> permutation;
};

namespace file {

// `load` of bytes; `verify` off, for fuzzing, takes any digest.
LoadedModel read_model(const uint8_t* data, size_t size, bool verify);

}  // namespace file
}  // namespace hadamrnn
