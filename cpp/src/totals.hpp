// What the output "mean" remembers beside the states: of each sequence the sum of its rectified states, and how
// many there were.
#pragma once

#include <algorithm>

#include "aligned.hpp"
#include "storage.hpp"

namespace hadamrnn {

// Sums of floats, added in order of the steps, or of integers, exact. Empty for the other outputs.
template <class T>
class Totals {
 public:
  Totals() = default;
  Totals(int64_t count, int64_t size) : size_(size_t(size)), sums_(size_t(count) * size_), steps_(size_t(count)) {}

  T* sum(int64_t i) { return &sums_[size_t(i) * size_]; }
  void add_steps(int64_t i, int64_t steps) { steps_[size_t(i)] += steps; }
  // How many steps the mean is over: of none it is the zero state.
  int64_t divisor(int64_t i) const { return steps_[size_t(i)] > 0 ? steps_[size_t(i)] : 1; }

  void reset(int64_t i) {
    std::fill_n(sum(i), size_, T(0));
    steps_[size_t(i)] = 0;
  }
  // The sums in natural order, then the number of steps: exact in float64, integers up to 2^53.
  void get(int64_t i, const Storage& storage, double* out) const {
    for (int64_t j = 0; j < storage.hidden_size; ++j) {
      out[j] = double(sums_[size_t(i) * size_ + size_t(storage.index[size_t(j)])]);
    }
    out[storage.hidden_size] = double(steps_[size_t(i)]);
  }
  void set(int64_t i, const Storage& storage, const double* in) {
    storage.to_storage(in, sum(i));
    steps_[size_t(i)] = int64_t(in[storage.hidden_size]);
  }

 private:
  size_t size_ = 0;
  Buffer<T> sums_;  // (count, size), storage order
  Buffer<int64_t> steps_;
};

// All that a runner remembers of its sequences: copied as a whole, to be gone back to.
template <class T, class Sum>
struct Memory {
  Buffer<T> states;  // (count, layers, stride)
  Totals<Sum> totals;
};

}  // namespace hadamrnn
