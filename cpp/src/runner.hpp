// Runs one sequence through all layers. Calls nothing but the kernel table.
#pragma once

#include "model_data.hpp"

namespace hadamrnn {

struct Sequence {
  const float* x;      // (steps, input_size), or
  const int32_t* ids;  // (steps)
  int64_t steps;
};

// Scratch memory of one running sequence, reused across chunks.
struct Workspace {
  explicit Workspace(const ModelData& model);

  size_t state_stride;   // floats that hold the state of any layer
  int64_t chunk;         // steps whose states are kept at once: they should stay in the first-level cache
  Buffer<float> states;  // (chunk, n) of the layer at hand
  Buffer<float> inputs;  // (chunk, n): v_t of the layer at hand
  Buffer<float> scratch;
  Buffer<float> product;        // H h by another kernel than the transform
  std::vector<int32_t> counts;  // xnor: products of one block
  std::vector<uint64_t> bits;   // xnor: packed state of one block
};

// Throws std::invalid_argument for token ids or lengths out of range.
void check_batch(const ModelData& model, const Batch& batch);
// The first `steps` steps of sequence i of the batch.
Sequence batch_row(const ModelData& model, const Batch& batch, int64_t i, int64_t steps);

// Advances the states h[layer] by all steps of the sequence. With `y`, writes the logits of every
// step there, (steps, output_size).
void advance(const ModelData& model, Workspace& work, float* const* h, const Sequence& sequence, float* y);
// Logits of the last layer's state.
void read_state(const ModelData& model, const float* h, float* y);

}  // namespace hadamrnn
