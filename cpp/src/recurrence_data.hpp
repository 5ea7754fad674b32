#pragma once

#include "hadamrnn/recurrence.hpp"
#include "layer_data.hpp"

namespace hadamrnn {

struct RecurrenceData {
  Storage storage;
  Hadamard hadamard;
  Activation activation;
};

// signs / sqrt(m) in storage order.
template <class T>
Buffer<T> scaled_signs(const Storage& s, const T* signs);

}  // namespace hadamrnn
