// A network that is kept as its seed: what signs, input weights and decays it stands for
// (python/hadamrnn_ext/file/drawn.py).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "file/json.hpp"

namespace hadamrnn::file {

struct Drawn {
  static constexpr int bits = 4;  // of U

  uint32_t seed = 0;
  int32_t fastest = 0, slowest = 0;  // codes of decays, between which those of the blocks are spaced evenly

  // (n) numbers +-1.
  std::vector<int8_t> signs(int64_t n) const;
  // Codes of q blocks.
  std::vector<uint8_t> decays(int64_t q) const;
  // Codes of U (n, columns). `blocks`: their number where weights follow the decays, else 0.
  std::vector<int8_t> features(int64_t n, int64_t columns, int64_t blocks) const;
  std::vector<int8_t> tokens(int64_t n, int64_t count, int64_t blocks) const;
};

// Throws ModelFormatError.
Drawn read_drawn(const Json& json, const std::string& where);
// Throws ModelFormatError for an input matrix that is not drawn.
void check_drawn_size(int64_t n, int64_t columns);

}  // namespace hadamrnn::file
