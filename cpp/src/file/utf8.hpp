// Text as UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hadamrnn::file {

// Whether every character is encoded in as few bytes as it needs, and none is half of a surrogate pair.
inline bool valid_utf8(std::string_view text) {
  static constexpr uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i++]);
    const int more = first < 0x80 ? 0 : first >> 5 == 6 ? 1 : first >> 4 == 14 ? 2 : first >> 3 == 30 ? 3 : -1;
    if (more < 0 || text.size() - i < size_t(more)) return false;
    uint32_t code = more == 0 ? first : first & (0x3Fu >> more);
    for (int k = 0; k < more; ++k) {
      const auto next = static_cast<unsigned char>(text[i++]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3F);
    }
    if (code < smallest[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  }
  return true;
}

inline void append_utf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += char(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  out += char((0xF00 >> more & 0xFF) | code >> 6 * more);
  for (int k = more - 1; k >= 0; --k) out += char(0x80 | (code >> 6 * k & 0x3F));
}

}  // namespace hadamrnn::file
