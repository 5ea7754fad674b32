#pragma once

#include "aligned.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {

// What is held in the lanes in which the recurrence runs, of 32 or of 16 bits. Storage order.
template <class T>
struct BlockLanes {
  Buffer<T> factors;  // of BlockRecur
  Buffer<T> table;    // (token_count, n): v + half
  Buffer<T> threshold;
};

// The layer of an integer model that forgets. Storage order.
struct BlockData {
  bool is_short;  // which of the lanes below there are; running means have thresholds of 32 bits beside
  BlockLanes<int32_t> wide;
  BlockLanes<int16_t> narrow;
  template <class T>
  const BlockLanes<T>& lanes() const {
    if constexpr (sizeof(T) == 2) return narrow;
    if constexpr (sizeof(T) != 2) return wide;
  }
  int64_t first, end;  // of BlockRecur, as are the next two
  int32_t widen, shift;
  int32_t state_bits, low, high;
  Buffer<float> scale;  // s of each unit
  BlockInput input;     // but for its pointers
  Buffer<int16_t> weights;
  Buffer<int32_t> bias, input_shift, bound;  // no bound where v is not clipped
  // Of an integer readout, whose features are in the order of the lanes: (o, size, padded to feature_group).
  Buffer<int16_t> output_codes;
  std::vector<int64_t> output_offset;  // c, and what the features of a pool are less in memory
};

}  // namespace hadamrnn
