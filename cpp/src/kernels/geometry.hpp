// What the arguments of all kernels share: how vectors are padded, and the shape of a Hadamard matrix.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace hadamrnn {

// Rows are padded to this many elements; it is also the number of partial sums of a dot product,
// fixed so that every instruction set adds in the same order.
constexpr int64_t lane_group = 16;

enum class Activation : int8_t { linear, relu, modrelu, sign };
// phi, of what enters the first layer; clip is to -1 .. 1. NaN passes.
enum class InputActivation : int8_t { linear, relu, clip };

// H = H_(2^log2) (x) H_base applied to q blocks at once: `base` rows of `row` elements, each row
// holding q blocks of 2^log2 (storage order). `core` is H_base with entries +-1, row-major;
// `core_t` its transpose. base == 1 is Sylvester's H alone.
template <class T>
struct Geometry {
  int64_t row;
  int32_t log2;
  int32_t base;
  const T* core;
  const T* core_t;
  int64_t size() const { return row * base; }
};

}  // namespace hadamrnn
