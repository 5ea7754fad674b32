// Reads golden traces; tests/traces/golden.txt describes its own format, tools/write_traces.py writes it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hadamrnn::test {

struct Array {
  std::vector<int64_t> shape;
  std::vector<float> f32;
  std::vector<int32_t> i32;
  std::vector<int8_t> signs;
  std::string word;
};

struct Trace {
  std::string name;
  std::map<std::string, Array> arrays;

  bool has(const std::string& key) const { return arrays.count(key) != 0; }
  const Array& at(const std::string& key) const;
  int32_t integer(const std::string& key) const { return at(key).i32.at(0); }
};

// Throws std::runtime_error for a file that cannot be read to its end.
std::vector<Trace> read_traces(const std::string& file);

}  // namespace hadamrnn::test
