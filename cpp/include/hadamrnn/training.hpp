// Training of a whole sequence in one pass, float32: input projection, recurrence, readout and loss
// together, so that nothing of size (batch, steps, hidden_size) is ever written.
#pragma once

#include <cstdint>
#include <string>

#include "hadamrnn/recurrence.hpp"

namespace hadamrnn {

// All arrays in natural order, row-major; n = hidden_size.
struct TrainInput {
  const float* signs = nullptr;    // (n) +-1, times the decay of the unit's block; not zero
  const float* modrelu = nullptr;  // (n) for modrelu, else null
  int64_t batch = 0;
  int64_t steps = 0;
  const int64_t* lengths = nullptr;  // (batch), each in 1..steps; null: all are `steps` long
  const float* h0 = nullptr;         // (batch, n); null: zeros
  // Either features: v_t = phi(weight x_t + bias), phi "linear", "relu" or "clip" ...
  const float* x = nullptr;  // (batch, steps, features)
  int64_t features = 0;
  const float* weight = nullptr;  // (n, features)
  const float* bias = nullptr;    // (n)
  std::string input_activation = "linear";
  // ... or rows gathered by number: v_t = rows[ids_t].
  const int32_t* ids = nullptr;  // (batch, steps)
  const float* rows = nullptr;   // (row_count, n)
  int64_t row_count = 0;
};

// What is read of the states over time, after each sequence's last step: threshold by threshold the excess of each unit
// and the share of steps above it; F = thresholds (excess + share) n features.
struct TrainPool {
  int64_t thresholds = 0;
  const float* threshold = nullptr;  // (thresholds, n)
  bool excess = true;
  bool share = false;
  int64_t time_constant = 0;  // k of a running mean, p += (f - p) 2^-k; 0: the mean over all steps
};

// Where gradients go; of weight and bias, or of rows, whichever the input has.
struct TrainGradients {
  float* signs = nullptr;      // (n)
  float* modrelu = nullptr;    // (n) or null
  float* weight = nullptr;     // (n, features)
  float* bias = nullptr;       // (n)
  float* rows = nullptr;       // (row_count, n)
  float* h0 = nullptr;         // (batch, n) or null
  float* threshold = nullptr;  // (thresholds, n) of a pool, or null
};

// Readout y_t = weight relu(h_t) + bias and the sum of its losses over all steps.
struct TrainHead {
  int64_t outputs = 0;
  const float* weight = nullptr;  // (outputs, n)
  const float* bias = nullptr;    // (outputs)
  // Softmax cross-entropy with these classes; a step of class `ignore` has no loss ...
  const int64_t* classes = nullptr;  // (batch, steps)
  int64_t ignore = -100;
  // ... or the sum of squared errors against these values.
  const float* values = nullptr;  // (batch, steps, outputs)
  float* weight_gradient = nullptr;
  float* bias_gradient = nullptr;
  float* h_last = nullptr;  // (batch, n): state after each sequence's last step, or null
};

// The states after each sequence's last step, (batch, n), and unless `pool` is null its features, (batch, F).
void train_last(const Recurrence& recurrence, const TrainInput& input, const TrainPool* pool, float* h_last,
                float* features, int threads);

// Gradients from grad = dL/dh_last and, with a pool, grad_features = dL/dfeatures. Nothing was stored: states are
// computed again from snapshots every `segment` steps, so memory grows with steps / segment only.
void train_last_backward(const Recurrence& recurrence, const TrainInput& input, const TrainPool* pool,
                         const float* grad, const float* grad_features, int64_t segment,
                         const TrainGradients& gradients, int threads);

// Sum of the losses, and how many they are: steps with a class, or values.
struct TrainLoss {
  double sum = 0;
  int64_t count = 0;
};

// All losses, and all gradients of their sum. segment = steps keeps the states of one sequence a
// thread; less computes them again from snapshots.
TrainLoss train_sequence(const Recurrence& recurrence, const TrainInput& input, const TrainHead& head, int64_t segment,
                         const TrainGradients& gradients, int threads);

}  // namespace hadamrnn
