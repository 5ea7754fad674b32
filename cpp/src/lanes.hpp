// Sequences of one model side by side, one in each lane of the registers (kernels/lanes-inl.hpp).
#pragma once

#include "model_data.hpp"

namespace hadamrnn {

class Lanes {
 public:
  // How many sequences of the model are faster side by side than one after another; 1: none are.
  static int64_t best(const ModelData& model);
  // ... from so many steps on: their states are put into the lanes and taken from there.
  static int64_t least_steps(const ModelData& model);

  // At most so many steps between two calls of `run`.
  Lanes(const ModelData& model, int64_t steps);
  int64_t count() const { return count_; }
  int64_t chunk() const { return chunk_; }  // how many they are

  // The state of one sequence, storage order.
  void put(int64_t lane, const float* state);
  void take(int64_t lane, float* state) const;
  // What the sequence reads in the next call of `run`, as the first layer takes it.
  void read(int64_t lane, const float* x, int64_t steps);
  void run(int64_t steps);

 private:
  const ModelData& m_;
  const LayerData& layer_;
  int64_t count_, size_, width_;  // lanes, units, and features of a step
  int64_t chunk_;
  Buffer<float> state_;  // (n, count)
  Buffer<float> x_;      // (chunk, width, count)
};

}  // namespace hadamrnn
