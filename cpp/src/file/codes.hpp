// The packed codes and signs of a model file (python/hadamrnn_ext/file/codes.py).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "file/container.hpp"

namespace hadamrnn::file {

// Bits of one packed code of p = `bits` weight bits: 2 for ternary codes.
inline int code_width(int bits) { return bits == 1 ? 2 : bits; }
inline int64_t packed_bytes(int64_t count, int width) { return (count * width + 7) / 8; }

// `count` codes. Throws ModelFormatError for the ternary code -2 and for padding that is not zero; `name` is the
// tensor's.
std::vector<int8_t> unpack_codes(const Tensor& packed, int bits, int64_t count, const std::string& name);
// `count` signs +-1.
std::vector<int8_t> unpack_signs(const Tensor& packed, int64_t count, const std::string& name);

// Their opposites.
std::vector<uint8_t> pack_codes(const std::vector<int8_t>& codes, int bits);
std::vector<uint8_t> pack_signs(const std::vector<int8_t>& signs);

}  // namespace hadamrnn::file
