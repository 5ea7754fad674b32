// Storage order of a layer's units: what makes the transform of any Hadamard order run on
// contiguous vectors.
//
// Order m = base * 2^log2 with H_m = H_(2^log2) (x) H_base, n = q m units. Natural index of a unit:
//   i = block*m + a*base + b         (a < 2^log2, b < base)
// Storage index: `base` rows of q*2^log2 elements, each row padded with zeros to `row`:
//   j = b*row + block*2^log2 + a
// For Sylvester orders (base 1) it is the natural order with padding at the end.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "aligned.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {

inline int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

struct Storage {
  int64_t hidden_size = 0;
  int64_t block_size = 0;
  int32_t base = 1;
  int32_t log2 = 0;
  int64_t row = 0;
  std::vector<int32_t> index;  // of each natural unit

  Storage() = default;
  // Throws std::invalid_argument unless block_size = base * 2^k divides hidden_size.
  Storage(int64_t hidden_size, int64_t block_size, int32_t base);

  // Another order, of a whole number of groups of units and base 1: unit a of block b of a group lies at a blocks + b.
  Storage interleaved(int64_t group) const;

  int64_t size() const { return row * base; }
  bool natural() const { return size() == hidden_size && base == 1; }

  template <class T, class S>
  void to_storage(const T* natural_order, S* storage) const {
    for (int64_t j = 0; j < size(); ++j) storage[j] = S(0);
    for (int64_t i = 0; i < hidden_size; ++i) storage[index[size_t(i)]] = S(natural_order[i]);
  }
  // The first `count` weights of each natural unit, which begin `stride` apart, as the projection reads them: panels of
  // lane_group units in storage order, each with all first weights, then all second ones, and so on.
  Buffer<float> panels(const float* weight, int64_t stride, int64_t count) const {
    Buffer<float> out(size_t(count * size()));
    for (int64_t i = 0; i < hidden_size; ++i) {
      const int64_t at = index[size_t(i)], panel = at / lane_group * lane_group;
      for (int64_t j = 0; j < count; ++j) {
        out[size_t(panel * count + j * lane_group + at % lane_group)] = weight[i * stride + j];
      }
    }
    return out;
  }

  // For a sum over all units: the state itself, or where there is padding a copy with zeros there. Input has the weight
  // zero there, and 0 x is NaN where x is not finite.
  const float* without_padding(const float* storage, float* copy) const {
    if (size() == hidden_size) return storage;
    for (int64_t b = 0; b < base; ++b, storage += row) {
      for (int64_t j = 0; j < row; ++j) copy[b * row + j] = j < hidden_size / base ? storage[j] : 0;
    }
    return copy;
  }
  template <class T>
  void to_natural(const T* storage, T* natural_order) const {
    for (int64_t i = 0; i < hidden_size; ++i) natural_order[i] = storage[index[size_t(i)]];
  }
};

}  // namespace hadamrnn
