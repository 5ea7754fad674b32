// JSON of model files: a strict reader, and the text that Python's json.dumps would write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hadamrnn::file {

struct Json {
  enum class Kind : int8_t { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  std::string text;               // of a string, or the literal of a number, or "true" or "false"
  std::vector<Json> items;        // of an array or an object
  std::vector<std::string> keys;  // of an object, as many as items, in the order of the text

  // The value of a key of an object, or null.
  const Json* find(std::string_view key) const;
  // Whether a number is written without a fraction and an exponent.
  bool whole() const;
  // A number as a double, infinite where it is too large.
  double number() const;
};

// Reads a text of one value. It refuses what is not JSON or not UTF-8, a key that is given twice, nesting deeper than
// `max_depth` and more than `max_values` values, in a ModelFormatError that begins with `what`.
Json parse_json(std::string_view text, const std::string& what);
constexpr int max_depth = 32;
constexpr int64_t max_values = int64_t(1) << 21;

// json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False), which is how metadata is written.
std::string canonical(const Json& value);

// The first characters of a value, for errors.
std::string shown(const Json& value);
// Text of unknown content as ASCII of at most 60 characters in quotes.
std::string quoted(std::string_view text);

}  // namespace hadamrnn::file
