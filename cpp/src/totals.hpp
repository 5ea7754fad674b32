// What the output "mean" remembers beside the states: sums of rectified states, and of how many.
#pragma once

#include <algorithm>

#include "aligned.hpp"
#include "storage.hpp"

namespace hadamrnn {

// Sums of floats, added in order of the steps, or of integers, exact. Of no units for the other outputs.
template <class T>
class Totals {
 public:
  Totals() = default;
  explicit Totals(int64_t size) : size_(size) {}

  void resize(int64_t count) {
    sums_.resize(size_t(count * size_));
    steps_.resize(size_t(count));
  }
  int64_t size() const { return size_; }
  T* sum(int64_t i) { return sums_.data() + i * size_; }
  const T* sum(int64_t i) const { return sums_.data() + i * size_; }
  void add_steps(int64_t i, int64_t steps) { steps_[size_t(i)] += steps; }
  // How many steps the mean is over: of none it is the zero state.
  int64_t divisor(int64_t i) const { return steps_[size_t(i)] > 0 ? steps_[size_t(i)] : 1; }

  void reset(int64_t i) {
    std::fill_n(sum(i), size_, T(0));
    steps_[size_t(i)] = 0;
  }
  void copy(int64_t from, int64_t to) {
    std::copy_n(sum(from), size_, sum(to));
    steps_[size_t(to)] = steps_[size_t(from)];
  }
  // The sums in natural order, then the number of steps: exact in float64, integers up to 2^53.
  void get(int64_t i, const Storage& storage, double* out) const {
    for (int64_t j = 0; j < storage.hidden_size; ++j) {
      out[j] = double(sum(i)[storage.index[size_t(j)]]);
    }
    out[storage.hidden_size] = double(steps_[size_t(i)]);
  }
  void set(int64_t i, const Storage& storage, const double* in) {
    storage.to_storage(in, sum(i));
    steps_[size_t(i)] = int64_t(in[storage.hidden_size]);
  }

 private:
  int64_t size_ = 0;
  Buffer<T> sums_;  // (count, size), storage order
  Buffer<int64_t> steps_;
};

}  // namespace hadamrnn
