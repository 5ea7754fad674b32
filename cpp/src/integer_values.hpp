// What all integer models do alike: features and states as integers, and H z by the kernels that count bits or add.
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "model_data.hpp"
#include "workspace.hpp"

namespace hadamrnn {

// q = clamp(rint(x / scale)) of anything but NaN. Without a call for each: after the clamp at most 16 bits are left,
// and adding and subtracting 1.5 2^23 rounds them.
inline int32_t quantized(float x, float scale, float low, float high) {
  constexpr float magic = 12582912.0f;
  const float q = std::min(std::max(x / scale, low), high);
  return int32_t((q + magic) - magic);
}

// The same of features.
inline void quantize(const ModelData& m, const float* x, int64_t count, int32_t* q) {
  const IntegerData& integer = *m.integer;
  m.kernels->quantize_f32(x, count, integer.input_scale, float(integer.input_low), float(integer.input_high), q);
}

inline void check_numbers(const float* h, int64_t count) {
  if (std::any_of(h, h + count, [](float unit) { return std::isnan(unit); })) {
    throw std::invalid_argument("the state holds a NaN, and this model's state is of integers, which have none");
  }
}

// work.product = (I_q (x) H_m) z of states of so many bits.
inline void multiply_integers(const ModelData& m, const PackedLayer& layer, int32_t bits, const int32_t* z,
                              Workspace<int32_t>& work) {
  const Storage& s = layer.data().storage;
  int32_t* product = work.product.data();
  if (m.kernel == Kernel::masked_add) return m.kernels->masked_add_i32(layer.recurrent.matrix(), z, product);
  if (bits == 1 && is_zero(z, s.size())) return void(std::fill_n(product, s.size(), 0));
  multiply_blocks(s, z, work, [&](int64_t padded) {
    if (bits > 1) {
      m.kernels->xnor_i32(layer.block.matrix(), work.scratch.data(), bits, work.counts.data());
    } else {
      m.kernels->pack_signs_i32(work.scratch.data(), padded, work.bits.data());
      m.kernels->xnor_signs_i32(layer.block.matrix(), work.bits.data(), work.counts.data());
    }
    return 0;
  });
}

}  // namespace hadamrnn
