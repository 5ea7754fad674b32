#include "lanes.hpp"

#include <algorithm>

namespace hadamrnn {

// Measured on a fifth-generation Xeon, in sequences per second against one after another: with one input 2.2, 1.7, 1.3
// and 1.4 times as many for n = 64, 128, 256 and 512 by AVX-512, and 1.4, 1.1, 1.2 and 1.2 by AVX2. Nine inputs gain
// half of that, as their product takes the same time either way, and nothing is left once its weights leave the
// first-level cache. Pools read every state, and lost a tenth, as the states of 16 sequences do not stay there; and to
// gather the rows of tokens took longer than a step.
int64_t Lanes::best(const ModelData& m) {
  if (m.integer || m.kernel != Kernel::fwht || m.layers.size() > 1 || m.tokens) return 1;
  if (m.output == Output::all || m.groups() > 0) return 1;
  const Geometry<float> g = m.layers.front().data().hadamard.geometry<float>();
  const int64_t n = g.size(), lanes = m.kernels->lanes;
  return g.base == 1 && g.log2 >= 5 && n <= 512 && n * m.input_width() <= 320 * lanes ? lanes : 1;
}

// Copying states in and out has to be worth it. Gains began at about 4 steps of 64 units and at 16 of 512.
int64_t Lanes::least_steps(const ModelData& m) { return m.layers.front().data().storage.size() / 32; }

Lanes::Lanes(const ModelData& m, int64_t steps)
    : m_(m),
      layer_(m.layers.front().data()),
      count_(m.kernels->lanes),
      size_(layer_.storage.size()),
      width_(m.input_width()),
      chunk_(std::clamp<int64_t>(4096 / (width_ * count_), 1, steps)),
      state_(size_t(size_ * count_)),
      x_(size_t(chunk_ * width_ * count_)) {}

void Lanes::put(int64_t lane, const float* state) {
  for (int64_t j = 0; j < size_; ++j) state_[size_t(j * count_ + lane)] = state[j];
}

void Lanes::take(int64_t lane, float* state) const {
  for (int64_t j = 0; j < size_; ++j) state[j] = state_[size_t(j * count_ + lane)];
}

void Lanes::read(int64_t lane, const float* x, int64_t steps) {
  for (int64_t j = 0; j < steps * width_; ++j) x_[size_t(j * count_ + lane)] = x[j];
}

void Lanes::run(int64_t steps) {
  RecurLanes p{};
  p.geometry = layer_.hadamard.geometry<float>();
  p.activation = layer_.activation;
  p.su = layer_.su.data();
  p.modrelu = layer_.modrelu.data();
  p.d = width_;
  p.x = x_.data();
  p.weight = m_.input_panels.data();
  p.bias = layer_.bias.data();
  p.phi = m_.input_activation;
  p.h = state_.data();
  m_.kernels->recur_lanes_f32(p, steps);
}

}  // namespace hadamrnn
