// One recurrent layer: h_t = act(diag(u) Lambda (I_q (x) H_m) h_(t-1) / sqrt(m) + v_t), with a decay per block or none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hadamrnn {

// All arrays in natural order, row-major.
struct LayerSpec {
  int64_t hidden_size = 0;
  int64_t block_size = 0;
  int32_t base = 1;                 // order of the base Hadamard matrix; block_size = base * 2^k
  std::vector<int8_t> core;         // (base, base) entries +-1
  std::vector<int8_t> signs;        // (hidden_size) entries +-1
  std::vector<float> bias;          // (hidden_size)
  std::string recurrence;           // linear, relu, modrelu, sign
  std::vector<float> modrelu;       // (hidden_size) for modrelu, else empty
  std::vector<uint8_t> decays;      // (q) codes 16 e + f: 1 - (16 + f) 2^(-5 - e); empty: nothing is forgotten
  int64_t input_size = 0;           // units of the layer below, 0 for the first layer
  std::vector<int8_t> input_signs;  // (hidden_size, input_size) entries +-1, empty for the first
};

struct LayerData;  // prepared for the kernels; see src/layer_data.hpp

// Immutable once made. Throws std::invalid_argument when the pieces do not fit together.
class Layer {
 public:
  explicit Layer(const LayerSpec& spec);
  explicit Layer(std::shared_ptr<const LayerData> data) : data_(std::move(data)) {}
  int64_t hidden_size() const;
  int64_t input_size() const;
  const LayerData& data() const { return *data_; }

 private:
  std::shared_ptr<const LayerData> data_;
};

}  // namespace hadamrnn
