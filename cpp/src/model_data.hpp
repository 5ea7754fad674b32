#pragma once

#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "hadamrnn/model.hpp"
#include "integer_data.hpp"
#include "layer_data.hpp"
#include "packed.hpp"

namespace hadamrnn {

// A layer with the matrices that the chosen kernel reads; the others stay empty.
struct PackedLayer {
  Layer layer;
  PackedTernary recurrent;  // masked_add: I_q (x) H_m in storage order
  Buffer<float> dense;      // dense: the same, column-major floats (float models only)
  PackedBinary block;       // xnor: H_m, natural order
  PackedTernary input;      // second layer and above: dense binary matrix from the layer below
  float input_scale = 0;    // 1/sqrt(units below)

  const LayerData& data() const { return layer.data(); }
};

class Runner;

// Runners of one sequence each that wait for the next call of `infer`: to make one costs more than a short sequence
// does. No lock, which a fork could leave locked.
class SpareRunners {
 public:
  SpareRunners() = default;
  SpareRunners(const SpareRunners&) = delete;
  ~SpareRunners();
  std::unique_ptr<Runner> take();  // null if there is none
  void put(std::unique_ptr<Runner> runner);

 private:
  std::array<std::atomic<Runner*>, 8> places_{};
};

// What is read instead of a state; no thresholds: nothing is.
template <class T>
struct Pool {
  int64_t thresholds = 0;  // of each unit
  bool excess = false, share = false;
  int32_t time_constant = 0;  // k of a running mean; 0: of the mean over all steps
  Buffer<T> threshold;        // (thresholds, n) storage order

  int64_t groups() const { return thresholds * (excess + share); }
  Pooling<T> arguments(int64_t size) const {
    return {
        size, thresholds, excess, share, T(time_constant > 0 ? std::ldexp(1.0, -time_constant) : 0.0), threshold.data(),
        0};
  }
};

struct ModelData {
  const KernelTable* kernels;
  Kernel kernel;
  std::string kernel_reason;
  std::vector<PackedLayer> layers;
  bool tokens;
  Output output;
  InputActivation input_activation = InputActivation::linear;
  bool differences = false;
  int64_t input_size;  // features, without their differences
  int64_t token_count;
  int64_t output_size;
  Buffer<float> input_panels;   // Storage::panels of U; empty for token models
  Buffer<float> token_rows;     // (token_count, n): U E[token] + b, storage order
  Buffer<float> output_weight;  // (output_size, n), or the features of the pool, in storage order
  std::vector<float> output_bias;

  // Features of each unit that are read; 0: the state is.
  int64_t groups() const { return integer && !integer->blocks ? output == Output::mean : pool.groups(); }
  int64_t input_width() const { return differences ? 2 * input_size : input_size; }
  Pool<float> pool;                            // of an integer model without thresholds
  std::unique_ptr<const IntegerData> integer;  // null for float models
  mutable SpareRunners spares;
};

// Checks that each layer reads the units of the one below, and packs them all for the kernel.
std::vector<PackedLayer> pack_layers(const std::vector<Layer>& layers, Kernel kernel);
// (o, groups, n) in natural order to storage order; states are one group.
Buffer<float> pack_readout(const std::vector<float>& weight, int64_t output_size, int64_t groups,
                           const Storage& storage);

}  // namespace hadamrnn
