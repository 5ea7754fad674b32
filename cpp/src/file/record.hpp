// Typed access to the JSON of a card. All of it throws ModelFormatError, which names the value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "file/json.hpp"

namespace hadamrnn::file {

// An object with these keys, those of `optional` only where it has them, and no others.
class Record {
 public:
  Record(const Json& json, const std::string& where, const std::vector<const char*>& keys,
         const std::vector<const char*>& optional = {});
  const Json& at(const char* key) const { return *json_.find(key); }
  // An optional value, or null.
  const Json* find(const char* key) const { return json_.find(key); }

 private:
  const Json& json_;
};

// A value of the type that the name says, or ModelFormatError("`where` is ...; expected ...").
const std::vector<Json>& list(const Json& json, const std::string& where);
std::string text(const Json& json, const std::string& where);
bool truth(const Json& json, const std::string& where);
double number(const Json& json, const std::string& where);  // finite
// One of these names.
std::string choice(const Json& json, const std::string& where, const std::vector<const char*>& names);
std::vector<std::string> texts(const Json& json, const std::string& where);
std::vector<double> numbers(const Json& json, const std::string& where);
// An integer low .. high.
int64_t integer(const Json& json, const std::string& where, int64_t low, int64_t high);
// An integer of any size, which is not read.
void check_integer(const Json& json, const std::string& where);

inline bool is_null(const Json& json) { return json.kind == Json::Kind::null; }
// Throws unless low <= value <= high.
void within(const std::string& where, int64_t value, int64_t low, int64_t high);

}  // namespace hadamrnn::file
