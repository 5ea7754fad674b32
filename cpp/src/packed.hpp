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
      : columns_(columns),
        words_((columns + 63) / 64),
        groups_((rows + 7) / 8),
        bytes_((columns + 7) / 8),
        strips_((rows + 63) / 64),
        words8_(size_t(groups_ * words_ * 8)),
        bytes64_(size_t(strips_ * bytes_ * 64)) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        if (entry(i, j) >= 0) continue;
        words8_[size_t((i / 8 * words_ + j / 64) * 8 + i % 8)] |= uint64_t(1) << (j % 64);
        bytes64_[size_t((i / 64 * bytes_ + j / 8) * 64 + i % 64)] |= uint8_t(1 << (j % 8));
      }
    }
  }
  BinaryMatrix matrix() const { return {columns_, words_, groups_, words8_.data(), bytes_, strips_, bytes64_.data()}; }
  int64_t padded_rows() const { return 64 * strips_; }

 private:
  int64_t columns_ = 0, words_ = 0, groups_ = 0, bytes_ = 0, strips_ = 0;
  Buffer<uint64_t> words8_;
  Buffer<uint8_t> bytes64_;
};

}  // namespace hadamrnn
