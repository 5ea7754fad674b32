// What a runner remembers of each sequence beside its states: the sums of a pool and how many steps they are of, and
// the input before.
#pragma once

#include <algorithm>
#include <vector>

#include "aligned.hpp"
#include "storage.hpp"

namespace hadamrnn {

// Sums of floats, added in order of the steps, or of integers, exact; or running means. Of no groups without a pool.
template <class T>
class Totals {
 public:
  Totals() = default;
  Totals(int64_t groups, int64_t units) : groups_(groups), units_(units) {}

  void resize(int64_t count) {
    sums_.resize(size_t(count * size()));
    steps_.resize(size_t(count));
  }
  int64_t size() const { return groups_ * units_; }
  T* sum(int64_t i) { return sums_.data() + i * size(); }
  const T* sum(int64_t i) const { return sums_.data() + i * size(); }
  void add_steps(int64_t i, int64_t steps) { steps_[size_t(i)] += steps; }
  // How many steps the mean is over: of none it is the zero state.
  int64_t divisor(int64_t i) const { return steps_[size_t(i)] > 0 ? steps_[size_t(i)] : 1; }

  void reset(int64_t i) {
    std::fill_n(sum(i), size(), T(0));
    steps_[size_t(i)] = 0;
  }
  void copy(int64_t from, int64_t to) {
    std::copy_n(sum(from), size(), sum(to));
    steps_[size_t(to)] = steps_[size_t(from)];
  }
  // The sums in natural order, then the number of steps: exact in float64, integers up to 2^53.
  void get(int64_t i, const Storage& storage, double* out) const {
    for (int64_t g = 0; g < groups_; ++g) {
      for (int64_t j = 0; j < storage.hidden_size; ++j) *out++ = double(sum(i)[g * units_ + storage.index[size_t(j)]]);
    }
    *out = double(steps_[size_t(i)]);
  }
  void set(int64_t i, const Storage& storage, const double* in) {
    for (int64_t g = 0; g < groups_; ++g) storage.to_storage(in + g * storage.hidden_size, sum(i) + g * units_);
    steps_[size_t(i)] = int64_t(in[groups_ * storage.hidden_size]);
  }

 private:
  int64_t groups_ = 0, units_ = 0;  // features of each unit, and units with their padding
  Buffer<T> sums_;                  // (count, groups, units), storage order
  Buffer<int64_t> steps_;
};

// The input of the last step of each sequence, for differences, in the form in which the first layer reads it.
template <class T>
class Before {
 public:
  Before() = default;
  explicit Before(int64_t size) : size_(size) {}

  void resize(int64_t count) {
    inputs_.resize(size_t(count * size_));
    known_.resize(size_t(count));
  }
  int64_t size() const { return size_; }

  // Rows x (steps, size) as (steps, 2 size), each beside its difference to the one before, which of the first is zero.
  void expand(int64_t i, const T* x, int64_t steps, T* out) {
    T* before = inputs_.data() + i * size_;
    if (!known_[size_t(i)]) std::copy_n(x, size_, before);
    known_[size_t(i)] = true;
    for (int64_t t = 0; t < steps; ++t, x += size_, out += 2 * size_) {
      for (int64_t j = 0; j < size_; ++j) {
        out[j] = x[j];
        out[size_ + j] = x[j] - before[j];
        before[j] = x[j];
      }
    }
  }

  void reset(int64_t i) {
    std::fill_n(inputs_.data() + i * size_, size_, T(0));
    known_[size_t(i)] = false;
  }
  void copy(int64_t from, int64_t to) {
    std::copy_n(inputs_.data() + from * size_, size_, inputs_.data() + to * size_);
    known_[size_t(to)] = known_[size_t(from)];
  }
  // The input, then whether there was one.
  void get(int64_t i, double* out) const {
    std::copy_n(inputs_.data() + i * size_, size_, out);
    out[size_] = known_[size_t(i)];
  }
  void set(int64_t i, const double* in) {
    for (int64_t j = 0; j < size_; ++j) inputs_[size_t(i * size_ + j)] = T(in[j]);
    known_[size_t(i)] = in[size_] != 0;
  }

 private:
  int64_t size_ = 0;
  Buffer<T> inputs_;  // (count, size)
  std::vector<char> known_;
};

}  // namespace hadamrnn
