// Runs one sequence through all layers. Calls nothing but the kernel table.
#pragma once

#include <memory>

#include "model_data.hpp"

namespace hadamrnn {

struct Sequence {
  const float* x;      // (steps, input_size), or
  const int32_t* ids;  // (steps)
  int64_t steps;
};

// The states of `count` sequences of one model, and what it takes to advance them. Not for two threads
// at once.
class Runner {
 public:
  virtual ~Runner() = default;
  // All steps of the sequence, at least one, from the state number i on. With `y`, writes the logits after
  // every step there, (steps, output_size). The state from before is kept until commit(i).
  virtual void advance(int64_t i, const Sequence& sequence, float* y) = 0;
  // `count` sequences of the numbers `places` by their first `steps` steps, as `advance` would, but perhaps faster if
  // they are as many as Lanes::best() says.
  virtual void advance_together(const int64_t* places, const Sequence* sequences, int64_t count, int64_t steps);
  virtual void commit(int64_t i) = 0;
  // Back to the state of the last commit, whatever has become of `advance`.
  virtual void undo(int64_t i) = 0;
  // Whether the state and what belongs to it are finite numbers.
  virtual bool finite(int64_t i) const = 0;
  // Logits of the last layer's state, or of the pool over the steps so far.
  virtual void read(int64_t i, float* y) = 0;
  // (features) of the pool, natural order: what a float readout multiplies. For float models and those of blocks.
  virtual void features(int64_t i, float* r) = 0;
  virtual int64_t step_work() const = 0;
  // Back to h_0 = 0, of all layers.
  virtual void reset(int64_t i) = 0;
  // Room for `count` sequences, no fewer than there are.
  virtual void grow(int64_t count) = 0;
  // (hidden_size) of one layer, natural order.
  virtual void get_state(int64_t i, int64_t layer, float* h) const = 0;
  // Throws std::invalid_argument for a state that the kernel cannot hold.
  virtual void set_state(int64_t i, int64_t layer, const float* h) = 0;
  // (features + 1): the sums of the pool and the number of steps. Only for a model with a pool.
  virtual void get_total(int64_t i, double* total) const = 0;
  virtual void set_total(int64_t i, const double* total) = 0;
  // (input_size + 1): the input of the step before, and whether there was one. Only for a model with differences.
  virtual void get_before(int64_t i, double* before) const = 0;
  virtual void set_before(int64_t i, const double* before) = 0;
};

// The model must outlive it.
std::unique_ptr<Runner> make_runner(const ModelData& model, int64_t count);
std::unique_ptr<Runner> make_float_runner(const ModelData& model, int64_t count);
std::unique_ptr<Runner> make_integer_runner(const ModelData& model, int64_t count);
std::unique_ptr<Runner> make_block_runner(const ModelData& model, int64_t count);

// Work of one step of one sequence as pause() counts it: a transform is 1 a unit, a matrix of a block's size that size,
// and 64 signs of the input matrix of an upper layer are 1.
int64_t work_of_step(const ModelData& model);

// Throws std::invalid_argument for token ids out of range, for lengths that are not in least .. batch.steps, and for
// NaN where a model reads integers.
void check_batch(const ModelData& model, const Batch& batch, int64_t least);
// Sequence i of the batch, and at which of all steps it begins.
Sequence batch_row(const ModelData& model, const Batch& batch, int64_t i);
int64_t batch_start(const Batch& batch, int64_t i);
// `steps` steps of the sequence from its step number `first` on.
Sequence part(const ModelData& model, const Sequence& sequence, int64_t first, int64_t steps);

// `count` sequences, each to its end, together as far as the shortest goes.
void advance_all(Runner& runner, const ModelData& model, const int64_t* places, const Sequence* sequences,
                 int64_t count);

// The first step of the sequence, read by the runner's number i from its last commit on, after which the state is not
// finite, or whose logits are not where they are asked for: after every step, or after the last. The number of its
// steps if there is none. The runner is as it was at the commit.
int64_t first_overflow(Runner& runner, int64_t i, const ModelData& model, const Sequence& sequence, bool every_step);

}  // namespace hadamrnn
