// Matrices packed for the masked-add and XNOR-popcount kernels.
#pragma once

#include <functional>
#include <vector>

#include "aligned.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {

using Entry = std::function<int(int64_t row, int64_t column)>;  // -1, 0 or +1

class PackedTernary {
 public:
  PackedTernary() = default;
  PackedTernary(int64_t rows, int64_t columns, const Entry& entry) {
    begin_.push_back(0);
    for (int64_t strip = 0; strip < rows; strip += 64) {
      for (int64_t j = 0; j < columns; ++j) {
        uint64_t nonzero = 0, negative = 0;
        for (int64_t i = 0; i < 64 && strip + i < rows; ++i) {
          const int w = entry(strip + i, j);
          nonzero |= uint64_t(w != 0) << i;
          negative |= uint64_t(w < 0) << i;
        }
        if (nonzero == 0) continue;
        column_.push_back(int32_t(j));
        nonzero_.push_back(nonzero);
        negative_.push_back(negative);
      }
      begin_.push_back(int64_t(column_.size()));
    }
  }
  TernaryMatrix matrix() const {
    return {int64_t(begin_.size()) - 1, begin_.data(), column_.data(), nonzero_.data(), negative_.data()};
  }
  int64_t padded_rows() const { return 64 * (int64_t(begin_.size()) - 1); }

 private:
  std::vector<int64_t> begin_;
  std::vector<int32_t> column_;
  std::vector<uint64_t> nonzero_, negative_;
};

class PackedBinary {
 public:
  PackedBinary() = default;
  PackedBinary(int64_t rows, int64_t columns, const Entry& entry)
      : groups_((rows + 7) / 8), words_((columns + 63) / 64), columns_(columns), bits_(size_t(groups_ * words_ * 8)) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        if (entry(i, j) < 0) bits_[size_t((i / 8 * words_ + j / 64) * 8 + i % 8)] |= uint64_t(1) << (j % 64);
      }
    }
  }
  BinaryMatrix matrix() const { return {groups_, words_, columns_, bits_.data()}; }
  int64_t padded_rows() const { return 8 * groups_; }

 private:
  int64_t groups_ = 0, words_ = 0, columns_ = 0;
  Buffer<uint64_t> bits_;
};

}  // namespace hadamrnn
