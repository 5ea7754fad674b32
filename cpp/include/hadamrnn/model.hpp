// A whole network: input projection or token table, recurrent layers, readout.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hadamrnn/isa.hpp"
#include "hadamrnn/layer.hpp"

namespace hadamrnn {

// How the recurrent product is computed. `automatic` is a rule over the model alone, the same on
// every machine, since float kernels differ in the order of their additions.
enum class Kernel : int8_t { automatic, fwht, xnor, masked_add, dense };

// Throws std::invalid_argument for an unknown name; "auto" is Kernel::automatic.
Kernel parse_kernel(const std::string& name);
const char* kernel_name(Kernel kernel);

// Logits of the last state, at every step, or of the mean of the rectified states of all steps.
enum class Output : int8_t { last, all, mean };

// Throws std::invalid_argument for an unknown name.
Output parse_output(const std::string& name);

// What is read instead of a state: features of each unit over time, see python/hadamrnn_ext/golden/floats.py.
struct PoolSpec {
  std::vector<float> thresholds;  // (count, n) of the last layer
  int64_t count = 0;              // of a unit; 0: there is no pool
  bool excess = false, share = false;
  int32_t time_constant = 0;  // k of a running mean of about 2^k steps; 0: the mean of all steps
};

// All arrays row-major. With tokens, column t of the input projection (or of U E^T) is gathered.
struct ModelSpec {
  std::vector<Layer> layers;
  int64_t input_size = 0;                   // columns of input_weight, twice the features with differences
  std::vector<float> input_weight;          // (n, input_size) of the first layer
  std::string input_activation = "linear";  // phi: linear, relu or clip
  bool differences = false;                 // the first layer reads x_t beside x_t - x_(t-1)
  bool tokens = false;
  int64_t tokens_count = 0;      // rows of the embedding; 0: one-hot tokens, input_size of them
  std::vector<float> embedding;  // (tokens_count, input_size)
  int64_t output_size = 0;
  std::vector<float> output_weight;  // (output_size, n) of the last layer, or the features of its pool
  PoolSpec pool;
  std::vector<float> output_bias;  // (output_size)
  Output output = Output::last;
  Kernel kernel = Kernel::automatic;
};

struct IntegerSpec;  // integer.hpp

struct ModelData;  // packed for the kernels; see src/model_data.hpp

// A batch of sequences: features x (batch, steps, input_size) or token ids (batch, steps). With `starts` the sequences
// lie anywhere in x or ids, and in the logits of every step.
struct Batch {
  int64_t size = 0;
  int64_t steps = 0;
  const float* x = nullptr;
  const int32_t* ids = nullptr;
  const int64_t* lengths = nullptr;  // (size), each at most `steps`; null: all are `steps` long
  const int64_t* starts = nullptr;   // (size): the step at which each begins; null: i * steps. Not for `infer`
};

// A sequence of a batch, and its step after which the state or the logits were not finite numbers.
struct Overflow {
  int64_t sequence;
  int64_t step;
};

// Immutable, shared by any number of threads. It captures the active instruction set when made.
// Throws std::invalid_argument when the pieces do not fit together or the kernel cannot run them.
class Model {
 public:
  explicit Model(const ModelSpec& spec);
  explicit Model(const IntegerSpec& spec);

  Kernel kernel() const;
  const std::string& kernel_reason() const;
  Isa isa() const;
  bool takes_tokens() const;
  Output output() const;
  int64_t input_size() const;   // features of one step
  int64_t token_count() const;  // 0 for feature models
  int64_t output_size() const;
  int64_t step_work() const;  // of one sequence, in a unit of a few tenths of a nanosecond

  // y is (batch, steps, output_size) for Output::all, zero past each length, else
  // (batch, output_size). NaN in a sequence makes its logits NaN, and so does inf - inf where states overflow. Throws
  // std::invalid_argument for a token or length out of range, and for NaN where features become integers.
  // With `finite`, the first sequence whose states or logits have left the finite numbers, if any; y is written in
  // full.
  std::optional<Overflow> infer(const Batch& batch, float* y, int threads, bool finite = false) const;

  // How many features its pool has; 0 without one, and for integer models.
  int64_t features() const;
  // What the readout multiplies at the end of each sequence: (batch, features()). Throws as `infer`, and without a
  // pool.
  void features(const Batch& batch, float* r, int threads) const;

  const ModelData& data() const { return *data_; }

 private:
  std::shared_ptr<const ModelData> data_;
};

}  // namespace hadamrnn
