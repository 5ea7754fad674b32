// What a model reads, of NumPy arrays, numbers and lists of numbers.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <vector>

#include "arrays.hpp"
#include "hadamrnn/features.hpp"
#include "hadamrnn/model.hpp"

namespace hadamrnn::bindings {

// Prepared input as (size, steps, ...); size -1 takes what the array has.
Batch to_batch(const Model& model, const py::object& x, py::ssize_t size);

// The type of the numbers of an aligned, C-contiguous array in the machine's byte order; none for another array, and
// for numbers that are none of these. Booleans are 0 and 1.
std::optional<Number> number_type(py::handle array);

// Raw input of a call, converted in memory that the next call uses again. What is not read is not explained either: the
// caller looks at it once more, takes its time, and says what is wrong.
class Input {
 public:
  // Without `features` those are float32 as they are; a model of tokens has none.
  Input(const Model& model, const Features* features, bool check_finite)
      : model_(&model), features_(features), check_finite_(check_finite) {}

  // Sequences (T, d) or (B, T, d) of features, (T,) or (B, T) of tokens: 1 for those with a batch axis, 0 without, and
  // -1 if they are not read.
  int read(const py::object& x, Batch& batch);
  // One step of `size` sequences, (size, d) or (size,), or of a single one, (d,) or (); whether it is read.
  bool read_step(const py::object& x, int64_t size, bool single, Batch& batch);

 private:
  bool numbers(const py::object& array, int64_t rows, Batch& batch);
  bool convert(const void* data, Number type, int64_t rows, Batch& batch);
  bool list(const py::object& x, Batch& batch);
  bool tokens(const py::object& array, int64_t count, Batch& batch);
  bool token(const py::object& x, Batch& batch);

  const Model* model_;
  const Features* features_;
  bool check_finite_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
  std::vector<int32_t> ids_;
};

}  // namespace hadamrnn::bindings
