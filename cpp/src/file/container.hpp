// The outer form of a model file: safetensors, whose metadata holds one text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hadamrnn::file {

constexpr size_t max_file_bytes = size_t(1) << 28;

enum class Dtype : int8_t { f32, u8, i8, i32, i16 };
const char* dtype_name(Dtype dtype);
size_t dtype_size(Dtype dtype);

// Little-endian numbers in the file, not aligned.
struct Tensor {
  Dtype dtype;
  std::vector<int64_t> shape;
  const uint8_t* data;
  size_t bytes;
};

struct Container {
  std::string metadata;
  std::map<std::string, Tensor> tensors;  // they point into the bytes of the file
};

// As in "[24, 2]".
std::string shape_text(const std::vector<int64_t>& shape);

// Throws ModelFormatError for what is not a safetensors file with the metadata of a model.
Container read_container(const uint8_t* data, size_t size);

}  // namespace hadamrnn::file
