// What a runner remembers of its sequences, in two slots each: one holds the state, and the other takes what comes of
// the call at hand. A call that fails or is ended leaves all as it was, and nothing is copied for that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "aligned.hpp"
#include "totals.hpp"

namespace hadamrnn {

// T is the type of a state, Input that of what is read, Sum that of the sums of a pool.
template <class T, class Input, class Sum>
class Memory {
 public:
  Memory() = default;
  // Of each sequence `size` numbers of state, the sums of a pool, and the last `inputs` numbers that were read.
  Memory(int64_t count, int64_t size, Totals<Sum> totals, int64_t inputs)
      : size_(size), totals_(std::move(totals)), before_(inputs) {
    grow(count);
  }

  // Room for at least `count` sequences; those that are new are at h_0 = 0.
  void grow(int64_t count) {
    if (count <= int64_t(sides_.size())) return;
    for (Buffer<T>& states : states_) states.resize(size_t(count * size_));
    totals_.resize(2 * count);
    before_.resize(2 * count);
    sides_.resize(size_t(count));
  }

  // The slot of sequence i as the call at hand has left it.
  int64_t now(int64_t i) const { return 2 * i + (sides_[size_t(i)].held ^ sides_[size_t(i)].moved); }
  // The slot that is to take its next state, which is now() from here on; the sums go on from those before.
  int64_t begin(int64_t i) {
    if (!sides_[size_t(i)].moved) {
      totals_.copy(now(i), now(i) ^ 1);
      before_.copy(now(i), now(i) ^ 1);
    }
    sides_[size_t(i)].moved = 1;
    return now(i);
  }
  // The end of the call: what has come of it is the state, or what was before.
  void commit(int64_t i) { sides_[size_t(i)] = {uint8_t(now(i) & 1), 0}; }
  void undo(int64_t i) { sides_[size_t(i)].moved = 0; }
  void reset(int64_t i) {
    undo(i);
    std::fill_n(state(now(i)), size_, T(0));
    totals_.reset(now(i));
    before_.reset(now(i));
  }

  T* state(int64_t slot) { return states_[slot & 1].data() + (slot >> 1) * size_; }
  const T* state(int64_t slot) const { return states_[slot & 1].data() + (slot >> 1) * size_; }
  Totals<Sum>& totals() { return totals_; }
  const Totals<Sum>& totals() const { return totals_; }
  Before<Input>& before() { return before_; }
  const Before<Input>& before() const { return before_; }

 private:
  // Which slot holds the state, and whether the call at hand has moved it to the other one.
  struct Side {
    uint8_t held = 0, moved = 0;
  };

  int64_t size_ = 0;
  Buffer<T> states_[2];  // (count, size) of the even and of the odd slots: those of one call lie side by side
  Totals<Sum> totals_;
  Before<Input> before_;
  std::vector<Side> sides_;
};

}  // namespace hadamrnn
