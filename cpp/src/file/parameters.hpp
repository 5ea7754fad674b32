// The parameters of a model: which ones its card implies, and what a network computes with.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "file/card.hpp"
#include "file/container.hpp"

namespace hadamrnn::file {

// How the file stores a parameter (python/hadamrnn_ext/file/storage.py).
enum class Storage : int8_t { f32, i32, i16, i8, u8, signs, codes, quantized, quantized_bytes, quantized_rows };

struct Entry {
  std::string name;
  std::vector<int64_t> shape;
  Storage storage;
  int bits = 0;  // of codes

  int64_t count() const;
};

// In order, those of a bidirectional model's second network under "reverse.NAME" at the end.
std::vector<Entry> entries(const Card& card);

// What `drawn` of a card stands for, as the file would hold it.
struct MadeTensor {
  Dtype dtype = Dtype::u8;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};
std::map<std::string, MadeTensor> regenerated(const Card& card);

// Floats in f32, signs and codes in i8, other integers in i32.
struct Parameter {
  std::vector<float> f32;
  std::vector<int8_t> i8;
  std::vector<int32_t> i32;
};
using Parameters = std::map<std::string, Parameter>;

// Of the tensors of a file. Throws ModelFormatError for a tensor that is missing, too many, of another type or shape,
// or holds what none may.
Parameters unpack(const Card& card, std::map<std::string, Tensor> tensors);

}  // namespace hadamrnn::file
