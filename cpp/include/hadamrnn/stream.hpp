// Sequences read one step, or one chunk, at a time. The state lives here, not in the Model.
#pragma once

#include <memory>
#include <vector>

#include "hadamrnn/model.hpp"

namespace hadamrnn {

struct StreamData;

// What a call does about states and logits that are not finite numbers: nothing; it takes none of its sequences on if
// there is one; or it takes on all but those.
enum class Finite : int8_t { unchecked, all, each };

// Sequences at places 0 .. batch() - 1. Not for use by two threads at once.
class Stream {
 public:
  // All places are taken, by sequences at h_0 = 0.
  Stream(const Model& model, int64_t batch);
  ~Stream();
  Stream(Stream&&) noexcept;

  const Model& model() const;
  int64_t batch() const;
  int64_t layers() const;
  int64_t hidden_size(int64_t layer) const;

  // Takes the sequences of the batch on by batch.steps steps, or by their lengths, which may be 0. y is (size, steps,
  // o) when `every_step`, else (size, o): the logits after the last step, or of the state as it is after none. With
  // `at`, (batch.size) places, sequence i of the batch goes on from the state there and all others stay as they are.
  // Returns the sequences that `finite` has found; they stay as they were, and their logits are NaN. Throws
  // std::invalid_argument for a token or length out of range, for NaN where features become integers, and for a place
  // that is free or given twice; a call that throws leaves all states as they were.
  std::vector<Overflow> run(const Batch& batch, bool every_step, float* y, const int64_t* at = nullptr,
                            Finite finite = Finite::unchecked);
  // Sequences that come and go: a place that is left is free, and a new sequence there begins at h_0 = 0.
  void join(int64_t i);
  void leave(int64_t i);
  bool taken(int64_t i) const;
  int64_t count() const;  // of the places that are taken
  // More places, all free.
  void grow(int64_t batch);
  // Back to h_0 = 0.
  void reset(int64_t i);
  // (hidden_size) of one layer of sequence i, natural order.
  void get_state(int64_t i, int64_t layer, float* h) const;
  // Throws std::invalid_argument for a state that the xnor kernel, or an integer, cannot hold.
  void set_state(int64_t i, int64_t layer, const float* h);
  // How many features a pool has, Output::mean included: each of all units of the last layer. 0 without one.
  int64_t features() const;
  // (features() + 1) of sequence i: the sums of the pool, natural order, or its running means, and the number of steps;
  // whole numbers in units of the state for an integer model. What is set must be such sums of fewer than 2^47 steps.
  void get_total(int64_t i, double* total) const;
  void set_total(int64_t i, const double* total);
  // How many features of a step have differences; 0: none.
  int64_t differences() const;
  // (differences() + 1) of sequence i: the input of the step before, and 1 if there was one, else 0.
  void get_before(int64_t i, double* before) const;
  void set_before(int64_t i, const double* before);

 private:
  void check_place(int64_t i) const;
  void check_total(int64_t i) const;
  void check_before(int64_t i) const;

  std::unique_ptr<StreamData> data_;
};

}  // namespace hadamrnn
