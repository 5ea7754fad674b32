// Model files: `load` reads one that Python has written, and what it gives takes the numbers that Python's Model takes,
// with the same bits. docs/format.md describes the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hadamrnn/features.hpp"
#include "hadamrnn/model.hpp"

namespace hadamrnn {

// A file is no model file, is damaged, or is of a version that this library does not read. The message says what was
// met and what was expected.
class ModelFormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Sequences as a caller has them: numbers of this type, features (size, steps, d) or tokens (size, steps).
struct Sequences {
  const void* x = nullptr;
  Number type = Number::f32;
  int64_t size = 1;
  int64_t steps = 0;
  const int64_t* lengths = nullptr;  // (size), each 1 .. steps; null: all are `steps` long
};

struct LoadedData;

// A model and how it reads raw numbers. Immutable, shared by any number of threads; copies share everything.
class LoadedModel {
 public:
  explicit LoadedModel(std::shared_ptr<const LoadedData> data) : data_(std::move(data)) {}

  bool takes_tokens() const;
  Output output() const;
  int64_t input_size() const;                      // d features of a step; or V, tokens are 0 .. V - 1
  int64_t output_size() const;                     // logits; a single one is that of the second class
  int64_t steps() const;                           // of every sequence, where the model permutes them; else 0
  bool streams() const;                            // whether it can be fed step by step
  const std::vector<std::string>& labels() const;  // of the classes, or empty
  const std::vector<std::string>& words() const;   // word i of the vocabulary is token i; or empty
  const Model& network() const;                    // what reads the numbers once they are prepared

  // Logits, (size, steps, output_size()) for Output::all, zero past each length, else (size, output_size()). Throws
  // std::invalid_argument for numbers that are refused (not finite, tokens out of range, a type that loses the signal)
  // and where the network leaves the finite numbers; the message names the sequence and the step.
  void infer(const Sequences& sequences, float* y, int threads = 1) const;

  const LoadedData& data() const { return *data_; }

 private:
  std::shared_ptr<const LoadedData> data_;
};

// The model in a file, or in the bytes of one. Throws ModelFormatError, and std::system_error if the file cannot be
// read.
LoadedModel load(const std::string& path);
LoadedModel load(const void* data, size_t size);

struct LoadedStreamData;

// One sequence, fed as it arrives, with the bits of a single call of `infer`. Not for use by two threads at once. A
// call that throws leaves the state as it was.
class LoadedStream {
 public:
  // Throws std::invalid_argument for a model that does not stream (`LoadedModel::streams`).
  explicit LoadedStream(const LoadedModel& model);
  ~LoadedStream();
  LoadedStream(LoadedStream&&) noexcept;

  // Takes one step, d features or one token, and writes the logits of the sequence so far, (output_size()).
  void step(const void* x, Number type, float* y);
  // Takes several steps, and writes the logits after the last one, or with `every_step` those of all, (steps,
  // output_size()).
  void run(const void* x, Number type, int64_t steps, bool every_step, float* y);
  // Back to the beginning of a sequence.
  void reset();

 private:
  std::unique_ptr<LoadedStreamData> data_;
};

}  // namespace hadamrnn
