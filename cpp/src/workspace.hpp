// Scratch memory of a runner, reused across chunks of steps.
#pragma once

#include <algorithm>
#include <vector>

#include "model_data.hpp"
#include "runner.hpp"

namespace hadamrnn {

// T is what a state is made of: float, or int32_t or int16_t of an integer model.
template <class T>
struct Workspace {
  explicit Workspace(const ModelData& m) : step_work(work_of_step(m)) {
    int64_t size = 0, product_size = 0, block = 0;
    for (const PackedLayer& layer : m.layers) {
      const Storage& s = layer.data().storage;
      size = std::max(size, s.size());
      block = std::max(block, round_up(s.block_size, 64));
      product_size = std::max({product_size, s.size(), layer.recurrent.padded_rows(), layer.input.padded_rows()});
    }
    state_stride = size_t(size);
    chunk = std::clamp<int64_t>(int64_t(16384 / sizeof(T)) / size, 1, 64);
    if (chunk > 4) chunk -= chunk % 4;  // as many steps as a projection takes at a time
    states.resize(size_t(chunk * size));
    inputs.resize(size_t(chunk * size));
    scratch.resize(size_t(std::max(size, block)));
    product.resize(size_t(product_size));
    if (m.kernel == Kernel::xnor) {
      counts.resize(size_t(block));
      bits.resize(size_t(block / 64));
    }
  }

  int64_t step_work;            // of one step of one sequence, as pause() counts
  size_t state_stride;          // elements that hold the state of any layer
  int64_t chunk;                // steps whose states are kept at once: they should stay in the first-level cache
  Buffer<T> states;             // (chunk, n) of the layer at hand
  Buffer<T> inputs;             // (chunk, n): what the layer at hand reads
  Buffer<T> scratch;            // of the transform, or one block in natural order
  Buffer<T> product;            // H h by another kernel than the transform, or the dense binary input matrix times h
  std::vector<int32_t> counts;  // xnor: products of one block
  std::vector<uint64_t> bits;   // xnor: packed state of one block
};

// work.product = (I_q (x) H_m) h by a kernel that wants a block at a time: `multiply` reads the block in work.scratch,
// padded with zeros, leaves its products in work.counts, and returns what is to be added to them: 0, or NaN.
template <class T, class Multiply>
void multiply_blocks(const Storage& s, const T* h, Workspace<T>& work, const Multiply& multiply) {
  const int64_t block = s.block_size, padded = round_up(block, lane_group);
  std::fill_n(work.product.data(), s.size(), T(0));
  for (int64_t first = 0; first < s.hidden_size; first += block) {
    for (int64_t j = 0; j < padded; ++j) {
      work.scratch[size_t(j)] = j < block ? h[s.index[size_t(first + j)]] : T(0);
    }
    const T offset = multiply(padded);
    for (int64_t j = 0; j < block; ++j) {
      work.product[size_t(s.index[size_t(first + j)])] = T(work.counts[size_t(j)]) + offset;
    }
  }
}

// Whether a state is that before the first step, which a state of +1 and -1 cannot say.
template <class T>
bool is_zero(const T* h, int64_t size) {
  return std::all_of(h, h + size, [](T v) { return v == 0; });
}

}  // namespace hadamrnn
