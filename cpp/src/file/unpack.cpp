// Tensors of a file -> parameters.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "file/codes.hpp"
#include "file/json.hpp"
#include "file/parameters.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// The names of the two tensors of a quantized parameter, its codes and its scale.
std::pair<std::string, std::string> coded(const std::string& name) {
  if (ends_with(name, ".bias")) return {name + "_codes", name + "_scale"};
  const std::string stem = ends_with(name, ".weight") ? name.substr(0, name.size() - 7) : name;
  return {stem + ".codes", stem + ".scale"};
}

struct Expected {
  Dtype dtype;
  std::vector<int64_t> shape;
};

std::map<std::string, Expected> schema(const std::vector<Entry>& all) {
  std::map<std::string, Expected> out;
  for (const Entry& entry : all) {
    const auto [codes, scale] = coded(entry.name);
    const std::vector<int64_t> packed = {packed_bytes(entry.count(), entry.bits == 0 ? 1 : code_width(entry.bits))};
    switch (entry.storage) {
      case Storage::f32: out[entry.name] = {Dtype::f32, entry.shape}; break;
      case Storage::i32: out[entry.name] = {Dtype::i32, entry.shape}; break;
      case Storage::i16: out[entry.name] = {Dtype::i16, entry.shape}; break;
      case Storage::i8: out[entry.name] = {Dtype::i8, entry.shape}; break;
      case Storage::u8: out[entry.name] = {Dtype::u8, entry.shape}; break;
      case Storage::signs:
      case Storage::codes: out[entry.name] = {Dtype::u8, packed}; break;
      case Storage::quantized:
        out[codes] = {Dtype::u8, packed};
        out[scale] = {Dtype::f32, {1}};
        break;
      case Storage::quantized_bytes:
        out[codes] = {Dtype::i8, entry.shape};
        out[scale] = {Dtype::f32, {1}};
        break;
      case Storage::quantized_rows:
        out[codes] = {Dtype::i8, entry.shape};
        out[scale] = {Dtype::f32, {entry.shape[0]}};
        break;
    }
  }
  return out;
}

template <class T>
std::vector<T> values(const Tensor& tensor) {
  std::vector<T> out(tensor.bytes / sizeof(T));
  std::memcpy(out.data(), tensor.data, tensor.bytes);
  return out;
}

template <class T>
std::vector<int32_t> integers(const Tensor& tensor) {
  const std::vector<T> numbers = values<T>(tensor);
  return {numbers.begin(), numbers.end()};
}

void check_floats(const std::string& name, const Tensor& tensor) {
  const std::vector<float> numbers = values<float>(tensor);
  if (!std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); })) {
    throw ModelFormatError("tensor " + quoted(name) + " holds a value that is not finite");
  }
  if (ends_with(name, "scale") && !std::all_of(numbers.begin(), numbers.end(), [](float x) { return x > 0; })) {
    throw ModelFormatError("tensor " + quoted(name) + " holds a scale that is not positive");
  }
}

void validate(const std::map<std::string, Expected>& schema, const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (schema.count(name) == 0) throw ModelFormatError("tensor " + quoted(name) + " is not one of this model");
  }
  for (const auto& [name, expected] : schema) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw ModelFormatError("tensor " + quoted(name) + " is missing");
    const Tensor& tensor = found->second;
    if (tensor.dtype != expected.dtype || tensor.shape != expected.shape) {
      throw ModelFormatError("tensor " + quoted(name) + " is " + dtype_name(tensor.dtype) + " of shape " +
                             shape_text(tensor.shape) + "; expected " + dtype_name(expected.dtype) + " of shape " +
                             shape_text(expected.shape));
    }
    if (tensor.dtype == Dtype::f32) check_floats(name, tensor);
  }
}

// code * float32(alpha / k)
std::vector<float> dequantized(const std::vector<int8_t>& codes, float alpha, int bits) {
  const float step = alpha / float(bits == 1 ? 1 : 1 << (bits - 1));
  std::vector<float> out(codes.size());
  for (size_t i = 0; i < codes.size(); ++i) out[i] = float(codes[i]) * step;
  return out;
}

std::vector<float> dequantized_rows(const std::vector<int8_t>& codes, const std::vector<float>& steps) {
  std::vector<float> out(codes.size());
  const size_t columns = codes.size() / steps.size();
  for (size_t i = 0; i < codes.size(); ++i) out[i] = float(codes[i]) * steps[i / columns];
  return out;
}

Parameter unpack(const Entry& entry, const std::map<std::string, Tensor>& tensors) {
  const auto [codes, scale] = coded(entry.name);
  const auto named = [&](const std::string& name) -> const Tensor& { return tensors.at(name); };
  Parameter p;
  switch (entry.storage) {
    case Storage::f32: p.f32 = values<float>(named(entry.name)); break;
    case Storage::i32: p.i32 = values<int32_t>(named(entry.name)); break;
    case Storage::i16: p.i32 = integers<int16_t>(named(entry.name)); break;
    case Storage::i8: p.i32 = integers<int8_t>(named(entry.name)); break;
    case Storage::u8: p.i32 = integers<uint8_t>(named(entry.name)); break;
    case Storage::signs: p.i8 = unpack_signs(named(entry.name), entry.count(), entry.name); break;
    case Storage::codes: p.i8 = unpack_codes(named(entry.name), entry.bits, entry.count(), entry.name); break;
    case Storage::quantized:
      p.f32 = dequantized(unpack_codes(named(codes), entry.bits, entry.count(), codes), values<float>(named(scale))[0],
                          entry.bits);
      break;
    case Storage::quantized_bytes:
      p.f32 = dequantized(values<int8_t>(named(codes)), values<float>(named(scale))[0], entry.bits);
      break;
    case Storage::quantized_rows:
      p.f32 = dequantized_rows(values<int8_t>(named(codes)), values<float>(named(scale)));
      break;
  }
  return p;
}

}  // namespace

Parameters unpack(const Card& card, std::map<std::string, Tensor> tensors) {
  const std::map<std::string, MadeTensor> drawn = regenerated(card);
  for (const auto& [name, made] : drawn) {
    if (!tensors.insert({name, {made.dtype, made.shape, made.bytes.data(), made.bytes.size()}}).second) {
      throw ModelFormatError("tensor " + quoted(name) + " is in the file of a model that draws it; expected none");
    }
  }
  const std::vector<Entry> all = entries(card);
  validate(schema(all), tensors);
  Parameters out;
  for (const Entry& entry : all) out[entry.name] = unpack(entry, tensors);
  return out;
}

}  // namespace hadamrnn::file
