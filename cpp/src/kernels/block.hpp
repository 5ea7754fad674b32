// What the kernels of integer models that forget read. Names and proofs: python/hadamrnn_ext/golden/forgetting.py.
#pragma once

#include "kernels/geometry.hpp"

namespace hadamrnn {

// Units of 16-bit lanes whose blocks are interleaved, if they are of several blocks, and of a single block at most.
constexpr int64_t usual_group = 128, largest_group = 256;

// What features of 16 bits, 0 .. 2^16 - 1, are less in memory, and to what their number is padded.
constexpr int32_t feature_offset = 1 << 15;
constexpr int64_t feature_group = 32;

// z_t = sat((floor(u acc M_h / 2^g) + v_t + half) >> f), the product being the upper half of (acc 2^a) (u M_h 2^b),
// where a + b + g are the bits of T.
template <class T>
struct BlockRecur {
  Geometry<T> geometry;
  int64_t first, end;  // of 16-bit lanes: butterflies are of elements first, 2 first, .. end / 2 apart
  const T* factors;    // u M_h 2^b; zero in the padding
  int32_t widen;       // a
  int32_t shift;       // f
  T low, high;         // what the state saturates at; low = 0 makes a linear recurrence relu
  const T* rows;       // v + half: row ids[t], or without ids row t
  const int32_t* ids;
  const T* in;  // z_0
  T* out;       // as in Recur
  int64_t stride;
  T* scratch;
};

// v = phi((codes q M_x + beta + half) >> r), and half of 2^f more.
struct BlockInput {
  int64_t size;            // units, padded
  int64_t pairs;           // of features
  const int16_t* weights;  // codes times M_x, in panels of lane_group units: (size / lane_group, pairs, lane_group, 2)
  const int32_t* bias;     // beta + half of 2^r
  const int32_t* shift;    // r
  const int32_t* bound;    // C, or null: v is not clipped
  bool rectified;          // v is not negative
  int32_t half;            // of 2^f
};

}  // namespace hadamrnn
