// Sequences read one step, or one chunk, at a time. The state lives here, not in the Model.
#pragma once

#include <memory>
#include <vector>

#include "hadamrnn/model.hpp"

namespace hadamrnn {

struct StreamData;

// Not for use by two threads at once.
class Stream {
 public:
  Stream(const Model& model, int64_t batch);
  ~Stream();
  Stream(Stream&&) noexcept;

  const Model& model() const;
  int64_t batch() const;
  int64_t layers() const;
  int64_t hidden_size(int64_t layer) const;

  // Advances every sequence by batch.steps steps (lengths must be null). y is (size, steps, o) when
  // `every_step`, else (size, o): the logits after the last step, or of the state as it is when
  // steps == 0. With `at`, (batch.size) places 0 .. batch() - 1, sequence i of the batch goes on from the state there
  // and all others stay as they are; a place that is given twice goes on twice, in this order. Throws as Model::infer.
  void run(const Batch& batch, bool every_step, float* y, const int64_t* at = nullptr);
  void reset();
  void reset(int64_t i);
  // (batch, hidden_size) of one layer, natural order.
  void get_state(int64_t layer, float* h) const;
  // Throws std::invalid_argument for a state that the xnor kernel, or an integer, cannot hold.
  void set_state(int64_t layer, const float* h);
  // The same of sequence i alone, (hidden_size).
  void get_state(int64_t i, int64_t layer, float* h) const;
  void set_state(int64_t i, int64_t layer, const float* h);
  // What Output::mean needs besides, and only models with that output have: (hidden_size + 1) of the last layer, the
  // sum of the rectified states of sequence i, natural order, and the number of its steps; whole numbers in units of
  // the state for an integer model. What is set must be such sums, none negative, of fewer than 2^47 steps.
  void get_total(int64_t i, double* total) const;
  void set_total(int64_t i, const double* total);

 private:
  void check_place(int64_t i) const;
  void check_total(int64_t i) const;

  std::unique_ptr<StreamData> data_;
};

}  // namespace hadamrnn
