#include "file/drawn.hpp"

#include "file/record.hpp"
#include "file/words.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

// The streams of words that signs and input weights are taken of.
constexpr uint32_t signs_stream = 1, weights_stream = 2;
// The code of the first weight, whatever its word.
constexpr int8_t largest = -8;
// So that no small file makes a reader allocate much memory.
constexpr int64_t max_columns = 1 << 16, max_elements = 1 << 22;
// Square roots of 1 and of 1/2, in units of 2^-8.
constexpr int32_t roots[] = {256, 181};

// Without an input activation a code c of a block that forgets s octaves less than the first is round(c 2^(-s/2)),
// halves upwards.
void fit(std::vector<int8_t>& codes, const std::vector<uint8_t>& decays) {
  if (decays.empty()) return;
  const size_t size = codes.size() / decays.size();  // of the rows of a block
  for (size_t i = 0; i < codes.size(); ++i) {
    const int s = (decays[i / size] >> 4) - (decays[0] >> 4), shift = 8 + s / 2;
    codes[i] = int8_t((codes[i] * roots[s % 2] + (1 << (shift - 1))) >> shift);
  }
}

}  // namespace

std::vector<int8_t> Drawn::signs(int64_t n) const {
  const Words words(seed, signs_stream);
  std::vector<int8_t> out;
  out.reserve(size_t(n));
  for (int64_t j = 0; j < n; ++j) out.push_back(words[j / 32] >> j % 32 & 1 ? int8_t(-1) : int8_t(1));
  return out;
}

std::vector<uint8_t> Drawn::decays(int64_t q) const {
  const int64_t first = fastest ^ 15, last = slowest ^ 15;
  std::vector<uint8_t> out;
  out.reserve(size_t(q));
  for (int64_t b = 0; b < q; ++b) {
    out.push_back(uint8_t((first + ((last - first) * (2 * b + 1) + q) / (2 * q)) ^ 15));
  }
  return out;
}

std::vector<int8_t> Drawn::features(int64_t n, int64_t columns, int64_t blocks) const {
  const Words words(seed, weights_stream);
  const auto w = uint32_t(columns);
  std::vector<int8_t> codes(size_t(n * columns));
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t p = words[2 * i], r = words[2 * i + 1];
    const uint32_t one = (p >> 16) * w >> 16;
    const uint32_t other = (one + 1 + ((r >> 16) * (w - 1) >> 16)) % w;
    int8_t* const row = &codes[size_t(i * columns)];
    row[other] = code_of(r, 0);
    row[one] = i == 0 ? largest : code_of(p, 0);
  }
  fit(codes, decays(blocks));
  return codes;
}

std::vector<int8_t> Drawn::tokens(int64_t n, int64_t count, int64_t blocks) const {
  const Words words(seed, weights_stream);
  std::vector<int8_t> codes(size_t(n * count));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t t = 0; t < count; ++t) {
      const int64_t at = t * n + i;
      codes[size_t(i * count + t)] = code_of(words[at / 8], int(at % 8));
    }
  }
  codes[0] = largest;
  fit(codes, decays(blocks));
  return codes;
}

Drawn read_drawn(const Json& json, const std::string& where) {
  const Record record(json, where, {"seed", "fastest", "slowest", "rule"});
  Drawn drawn;
  drawn.seed = uint32_t(integer(record.at("seed"), where + ".seed", 0, 0xffffffff));
  drawn.fastest = int32_t(integer(record.at("fastest"), where + ".fastest", 0, 255));
  drawn.slowest = int32_t(integer(record.at("slowest"), where + ".slowest", 0, 255));
  choice(record.at("rule"), where + ".rule", {"mix32"});
  if ((drawn.fastest ^ 15) > (drawn.slowest ^ 15)) {
    throw ModelFormatError(where + ".fastest is " + std::to_string(drawn.fastest) + " and " + where + ".slowest " +
                           std::to_string(drawn.slowest) + ", which forgets faster; expected them in this order");
  }
  return drawn;
}

void check_drawn_size(int64_t n, int64_t columns) {
  within("the columns of a drawn U", columns, 1, max_columns);
  within("the elements of a drawn U (" + std::to_string(n) + " x " + std::to_string(columns) + ")", n * columns, 1,
         max_elements);
}

}  // namespace hadamrnn::file
