#pragma once

#include "hadamrnn/recurrence.hpp"
#include "layer_data.hpp"

namespace hadamrnn {

struct RecurrenceData {
  Storage storage;
  Hadamard hadamard;
  Activation activation;
  int32_t limit = 0;  // 2^(k-1) of a state of k bits, 0 of a float state
};

// signs / sqrt(m) in storage order.
template <class T>
Buffer<T> scaled_signs(const Storage& s, const T* signs);

}  // namespace hadamrnn
