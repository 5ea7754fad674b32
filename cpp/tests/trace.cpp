#include "trace.hpp"

#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace hadamrnn::test {
namespace {

std::vector<int64_t> parse_shape(const std::string& text) {
  std::vector<int64_t> shape;
  std::istringstream sizes(text);
  for (std::string size; std::getline(sizes, size, 'x');) shape.push_back(std::stoll(size));
  return shape;
}

float from_bits(const std::string& digits) {
  const uint32_t bits = uint32_t(std::stoul(digits, nullptr, 16));
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

Array parse_array(const std::string& type, const std::string& shape, std::istringstream& values) {
  Array a;
  std::string value;
  if (type == "word") {
    values >> a.word;
    return a;
  }
  a.shape = parse_shape(shape);
  size_t size = 1;
  for (const int64_t s : a.shape) size *= size_t(s);
  while (values >> value) {
    if (type == "f32") a.f32.push_back(from_bits(value));
    if (type == "i32") a.i32.push_back(std::stoi(value));
    if (type != "sign") continue;
    for (const char c : value) a.signs.push_back(c == '+' ? int8_t(1) : int8_t(-1));
  }
  if (a.f32.size() + a.i32.size() + a.signs.size() != size) throw std::runtime_error("wrong number of values");
  return a;
}

}  // namespace

const Array& Trace::at(const std::string& key) const {
  const auto found = arrays.find(key);
  if (found == arrays.end()) throw std::runtime_error("trace " + name + " has no " + key);
  return found->second;
}

std::vector<Trace> read_traces(const std::string& file) {
  std::ifstream in(file);
  std::vector<Trace> traces;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string key, type, shape;
    words >> key >> type;
    try {
      if (key == "case") {
        traces.push_back({type, {}});
      } else {
        words >> shape;
        traces.at(traces.size() - 1).arrays[key] = parse_array(type, shape, words);
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(file + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  if (traces.empty()) throw std::runtime_error(file + " has no traces");
  return traces;
}

}  // namespace hadamrnn::test
