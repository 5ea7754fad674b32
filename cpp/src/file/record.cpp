#include "file/record.hpp"

#include <algorithm>
#include <cmath>

#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

[[noreturn]] void unexpected(const Json& json, const std::string& where, const std::string& expected) {
  throw ModelFormatError(where + " is " + shown(json) + "; expected " + expected);
}

std::string joined(const std::vector<const char*>& names) {
  std::string out;
  for (const char* name : names) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

}  // namespace

Record::Record(const Json& json, const std::string& where, const std::vector<const char*>& keys,
               const std::vector<const char*>& optional)
    : json_(json) {
  if (json.kind != Json::Kind::object) unexpected(json, where, "an object");
  const std::string expected = joined(keys) + (!optional.empty() ? "; or " + joined(optional) : "");
  for (size_t i = 0; i < json.keys.size(); ++i) {
    const auto given = [&](const char* key) { return json.keys[i] == key; };
    if (std::any_of(keys.begin(), keys.end(), given)) continue;
    if (std::none_of(optional.begin(), optional.end(), given)) {
      throw ModelFormatError(where + " has the unknown key " + quoted(json.keys[i]) + "; expected " + expected);
    }
    if (is_null(json.items[i])) {
      throw ModelFormatError(where + "." + json.keys[i] + " is null; expected a value, or no such key");
    }
  }
  for (const char* key : keys) {
    if (!json.find(key)) throw ModelFormatError(where + " lacks the key '" + key + "'; expected " + expected);
  }
}

const std::vector<Json>& list(const Json& json, const std::string& where) {
  if (json.kind != Json::Kind::array) unexpected(json, where, "a list");
  return json.items;
}

std::string text(const Json& json, const std::string& where) {
  if (json.kind != Json::Kind::string) unexpected(json, where, "a text");
  return json.text;
}

bool truth(const Json& json, const std::string& where) {
  if (json.kind != Json::Kind::boolean) unexpected(json, where, "true or false");
  return json.text == "true";
}

double number(const Json& json, const std::string& where) {
  if (json.kind != Json::Kind::number) unexpected(json, where, "a number");
  const double value = json.number();
  if (!std::isfinite(value)) unexpected(json, where, "a finite number");
  return value;
}

std::string choice(const Json& json, const std::string& where, const std::vector<const char*>& names) {
  const auto given = [&](const char* name) { return json.text == name; };
  if (json.kind != Json::Kind::string || std::none_of(names.begin(), names.end(), given)) {
    unexpected(json, where, "one of " + joined(names));
  }
  return json.text;
}

std::vector<std::string> texts(const Json& json, const std::string& where) {
  std::vector<std::string> out;
  for (const Json& item : list(json, where)) out.push_back(text(item, where + "[" + std::to_string(out.size()) + "]"));
  return out;
}

std::vector<double> numbers(const Json& json, const std::string& where) {
  std::vector<double> out;
  for (const Json& item : list(json, where)) {
    out.push_back(number(item, where + "[" + std::to_string(out.size()) + "]"));
  }
  return out;
}

int64_t integer(const Json& json, const std::string& where, int64_t low, int64_t high) {
  check_integer(json, where);
  const bool fits = json.text.size() <= 18;
  const int64_t value = fits ? std::stoll(json.text) : 0;
  if (!fits || value < low || value > high) {
    unexpected(json, where, std::to_string(low) + " .. " + std::to_string(high));
  }
  return value;
}

void check_integer(const Json& json, const std::string& where) {
  if (!json.whole()) unexpected(json, where, "an integer");
}

void within(const std::string& where, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high) {
    throw ModelFormatError(where + " is " + std::to_string(value) + "; expected " + std::to_string(low) + " .. " +
                           std::to_string(high));
  }
}

}  // namespace hadamrnn::file
