#include "file/preprocess.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "file/record.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

using Floats = std::numeric_limits<float>;
constexpr int64_t max_steps = int64_t(1) << 24;
constexpr double levels = 8;  // steps of float32 that a signal must span

void read_normalization(const Json& json, const std::string& where, Preprocess& p) {
  const Record record(json, where, {"offset", "scale"});
  p.offset = numbers(record.at("offset"), where + ".offset");
  p.scale = numbers(record.at("scale"), where + ".scale");
  if (p.offset.size() != p.scale.size()) {
    throw ModelFormatError(where + " has " + std::to_string(p.offset.size()) + " offsets and " +
                           std::to_string(p.scale.size()) + " scales; expected as many");
  }
  const auto finite = [](double x) { return std::fabs(x) < 0x1.ffffffp127; };  // larger ones round to infinity
  const bool positive = std::all_of(p.scale.begin(), p.scale.end(), [](double x) { return float(x) > 0; });
  if (!positive || !std::all_of(p.offset.begin(), p.offset.end(), finite) ||
      !std::all_of(p.scale.begin(), p.scale.end(), finite)) {
    throw ModelFormatError(where + " must be finite in float32, and a scale positive");
  }
}

void read_permutation(const Json& json, const std::string& where, Preprocess& p) {
  const Record record(json, where, {"rule", "seed", "size"});
  choice(record.at("rule"), where + ".rule", {"numpy.RandomState"});
  p.seed = uint32_t(integer(record.at("seed"), where + ".seed", 0, (int64_t(1) << 32) - 1));
  p.steps = integer(record.at("size"), where + ".size", 1, max_steps);
}

std::vector<std::string> read_vocabulary(const Json& json, const std::string& where) {
  const Record record(json, where, {"words", "unknown", "length", "rule"});
  choice(record.at("rule"), where + ".rule", {"words"});
  std::vector<std::string> words = texts(record.at("words"), where + ".words");
  integer(record.at("unknown"), where + ".unknown", 0, int64_t(words.size()) - 1);
  if (!is_null(record.at("length"))) integer(record.at("length"), where + ".length", 1, max_steps);
  std::vector<std::string_view> sorted(words.begin(), words.end());
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    throw ModelFormatError(where + ".words lists a word twice");
  }
  return words;
}

}  // namespace

bool too_fine(double offset, double spread) {
  const float magnitude = std::fabs(float(offset));
  const double step = double(std::nextafter(magnitude, Floats::infinity())) - double(magnitude);
  return spread > 0 && spread < levels * step;
}

// numpy.random.RandomState(seed).permutation(steps), whose results NumPy promises never to change.
std::vector<int32_t> Preprocess::permutation() const {
  std::mt19937 random(seed);
  std::vector<int32_t> order(static_cast<size_t>(steps));
  std::iota(order.begin(), order.end(), 0);
  for (auto i = steps == 0 ? 0 : uint32_t(steps - 1); i > 0; --i) {
    uint32_t mask = i;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    uint32_t j;
    do {
      j = uint32_t(random()) & mask;
    } while (j > i);
    std::swap(order[i], order[j]);
  }
  return order;
}

bool Preprocess::fine() const {
  for (size_t i = 0; i < offset.size(); ++i) {
    if (too_fine(offset[i], scale[i])) return true;
  }
  return false;
}

Preprocess read_preprocess(const Json& json, const std::string& where) {
  Preprocess p;
  const Record record(json, where, {"uint8_scale", "permutation", "normalization", "vocabulary"});
  if (const Json& scale = record.at("uint8_scale"); !is_null(scale)) {
    p.uint8_scale = number(scale, where + ".uint8_scale");
    if (!(double(Floats::min()) <= p.uint8_scale && p.uint8_scale <= double(Floats::max()) / 255)) {
      throw ModelFormatError(where + ".uint8_scale is " + shown(scale) +
                             "; expected a positive number whose product with 255 is a float32");
    }
  }
  if (const Json& given = record.at("permutation"); !is_null(given)) {
    read_permutation(given, where + ".permutation", p);
  }
  if (const Json& given = record.at("normalization"); !is_null(given)) {
    read_normalization(given, where + ".normalization", p);
  }
  if (const Json& given = record.at("vocabulary"); !is_null(given)) {
    p.words = read_vocabulary(given, where + ".vocabulary");
  }
  return p;
}

}  // namespace hadamrnn::file
