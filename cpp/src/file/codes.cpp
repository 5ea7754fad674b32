#include "file/codes.hpp"

#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

void check_padding(const Tensor& packed, int64_t bits, const std::string& name) {
  if (bits % 8 != 0 && packed.data[packed.bytes - 1] >> bits % 8 != 0) {
    throw ModelFormatError("tensor " + name + ": the padding after " + std::to_string(bits) +
                           " packed bits must be zero");
  }
}

}  // namespace

std::vector<int8_t> unpack_codes(const Tensor& packed, int bits, int64_t count, const std::string& name) {
  const int width = code_width(bits);
  check_padding(packed, count * width, name);
  std::vector<int8_t> codes(static_cast<size_t>(count));
  const int negative = 1 << (width - 1);
  for (int64_t i = 0; i < count; ++i) {
    const auto byte = size_t(i * width / 8);
    const unsigned next = byte + 1 < packed.bytes ? packed.data[byte + 1] : 0;
    const int raw = int((packed.data[byte] | next << 8) >> (i * width % 8)) & (2 * negative - 1);
    codes[size_t(i)] = int8_t(raw - (raw & negative) * 2);
    if (bits == 1 && codes[size_t(i)] == -2) {
      throw ModelFormatError("tensor " + name + ": packed 1-bit codes hold -2, the smallest code is -1");
    }
  }
  return codes;
}

std::vector<int8_t> unpack_signs(const Tensor& packed, int64_t count, const std::string& name) {
  check_padding(packed, count, name);
  std::vector<int8_t> signs(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    signs[size_t(i)] = packed.data[size_t(i / 8)] >> i % 8 & 1 ? int8_t(-1) : int8_t(1);
  return signs;
}

std::vector<uint8_t> pack_codes(const std::vector<int8_t>& codes, int bits) {
  const int width = code_width(bits);
  std::vector<uint8_t> packed(size_t(packed_bytes(int64_t(codes.size()), width)));
  for (size_t i = 0; i < codes.size(); ++i) {
    const unsigned raw = unsigned(codes[i]) & ((1u << width) - 1);
    for (int k = 0; k < width; ++k) {
      const size_t at = i * size_t(width) + size_t(k);
      packed[at / 8] = uint8_t(packed[at / 8] | (raw >> k & 1) << at % 8);
    }
  }
  return packed;
}

std::vector<uint8_t> pack_signs(const std::vector<int8_t>& signs) {
  std::vector<uint8_t> packed(size_t(packed_bytes(int64_t(signs.size()), 1)));
  for (size_t i = 0; i < signs.size(); ++i) packed[i / 8] = uint8_t(packed[i / 8] | int(signs[i] < 0) << i % 8);
  return packed;
}

}  // namespace hadamrnn::file
