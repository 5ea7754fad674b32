// Numbers as a caller has them -> what a network reads: checked, scaled, normalized and permuted, as
// python/hadamrnn_ext/model/reader.py does it.
#pragma once

#include <cstdint>
#include <vector>

#include "file/loaded_data.hpp"

namespace hadamrnn::file {

class RawInput {
 public:
  explicit RawInput(const LoadedData& data) : data_(data) {}

  // A batch that points into this object, or into the caller's memory where that can be read as it is. Throws
  // std::invalid_argument, which names the place.
  Batch read(const Sequences& sequences);
  // The steps of each sequence of a batch that `read` gave in reverse order; padding stays where it is.
  Batch reversed(const Batch& batch);

 private:
  void check(const Sequences& s) const;
  void read_features(const Sequences& s, Batch& batch);
  void read_tokens(const Sequences& s, Batch& batch);
  void check_type(Number type) const;
  void permute(Batch& batch);

  const LoadedData& data_;
  std::vector<float> floats_;
  std::vector<int32_t> ids_;
};

// "step 3 of sequence 1"; sequences are not counted where there is one.
std::string place(int64_t sequence, int64_t step, int64_t size);

// y (rows, width) with the rows of each sequence (steps) in reverse order up to its length.
template <class T>
std::vector<T> reversed_rows(const T* y, const Batch& batch, int64_t width) {
  std::vector<T> out(y, y + batch.size * batch.steps * width);
  for (int64_t i = 0; i < batch.size; ++i) {
    const int64_t length = batch.lengths ? batch.lengths[i] : batch.steps;
    for (int64_t t = 0; t < length; ++t) {
      const T* from = y + (i * batch.steps + length - 1 - t) * width;
      std::copy(from, from + width, out.begin() + (i * batch.steps + t) * width);
    }
  }
  return out;
}

}  // namespace hadamrnn::file
