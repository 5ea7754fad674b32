#pragma once

#include "aligned.hpp"
#include "hadamard.hpp"
#include "hadamrnn/layer.hpp"

namespace hadamrnn {

struct LayerData {
  Storage storage;
  Hadamard hadamard;
  Activation activation;
  Buffer<float> su;       // signs / sqrt(m), storage order, zero in the padding
  Buffer<float> bias;     // storage order
  Buffer<float> modrelu;  // storage order, empty unless Activation::modrelu
  int64_t input_size;
  std::vector<int8_t> input_signs;  // natural order
};

// Throws std::invalid_argument for an unknown name.
Activation parse_activation(const std::string& name);
InputActivation parse_input_activation(const std::string& name);

}  // namespace hadamrnn
