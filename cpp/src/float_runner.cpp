// Models of floats: h_t = act(su * H h_(t-1) + v_t), y = V relu(h) + c.
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "lanes.hpp"
#include "runner_of.hpp"

namespace hadamrnn {
namespace {

class FloatArithmetic {
 public:
  using Value = float;
  using Input = float;
  using Sum = float;
  using Step = Recur<float>;

  FloatArithmetic(const ModelData& m, Workspace<float>& work)
      : free_steps(pause_steps(work.step_work)), m_(m), work_(work) {
    if (m.groups() > 0) {
      features_.resize(size_t(m.groups() * top().size()));
      pool_ = m.pool.arguments(top().size());
    }
  }

  const int64_t free_steps;
  static constexpr bool reads_each = false;
  bool finite(const float* values, int64_t count) const { return m_.kernels->finite_f32(values, count); }

  bool is_fused() const { return m_.input_width() == 1 && m_.input_activation == InputActivation::linear; }
  const float* read(const float* x, int64_t) const { return x; }

  Step token_input(const int32_t* ids) const {
    Step step{};
    step.rows = m_.token_rows.data();
    step.ids = ids;
    return step;
  }

  Step feature_input(const float* x, int64_t steps) {
    const LayerData& first = m_.layers.front().data();
    Step step{};
    if (is_fused()) {
      step.x = x;
      step.weight = m_.input_panels.data();
      step.bias = first.bias.data();
    } else {
      m_.kernels->project_f32(m_.input_panels.data(), first.bias.data(), x, m_.input_width(), first.storage.size(),
                              steps, m_.input_activation, work_.inputs.data());
      step.rows = work_.inputs.data();
    }
    return step;
  }

  // v_t of an upper layer: the dense binary matrix applied to relu of the states below.
  void project_below(int64_t l, int64_t steps) {
    const PackedLayer& layer = m_.layers[size_t(l)];
    const Buffer<float>& bias = layer.data().bias;
    const int64_t below = m_.layers[size_t(l - 1)].data().storage.size(), size = layer.data().storage.size();
    for (int64_t t = 0; t < steps; ++t) {
      float* h = work_.states.data() + t * below;
      for (int64_t j = 0; j < below; ++j) h[j] = h[j] <= 0 ? 0.0f : h[j];  // NaN stays
      m_.kernels->masked_add_f32(layer.input.matrix(), h, work_.product.data());
      float* v = work_.inputs.data() + t * size;
      for (int64_t j = 0; j < size; ++j) v[j] = layer.input_scale * work_.product[size_t(j)] + bias[size_t(j)];
    }
  }

  void prepare(int64_t l, Step& step) const {
    const LayerData& layer = m_.layers[size_t(l)].data();
    step.activation = layer.activation;
    step.su = layer.su.data();
    step.modrelu = layer.modrelu.data();
  }

  void recur(const Step& step, int64_t steps) const { m_.kernels->recur_f32(step, steps); }
  void update(const Step& step, int64_t t, float* out) const {
    m_.kernels->update_f32(step, work_.product.data(), t, out);
  }

  void multiply(int64_t l, const float* h) {
    const PackedLayer& layer = m_.layers[size_t(l)];
    const Storage& s = layer.data().storage;
    const int64_t size = s.size();
    float* product = work_.product.data();
    if (m_.kernel == Kernel::masked_add) return m_.kernels->masked_add_f32(layer.recurrent.matrix(), h, product);
    if (m_.kernel == Kernel::dense) {
      h = s.without_padding(h, work_.scratch.data());
      return m_.kernels->dense_f32(layer.dense.data(), h, size, size, product);
    }
    if (is_zero(h, size)) return void(std::fill_n(product, size, 0.0f));
    multiply_blocks(s, h, work_, [&](int64_t padded) {
      m_.kernels->pack_signs_f32(work_.scratch.data(), padded, work_.bits.data());
      m_.kernels->xnor_signs_i32(layer.block.matrix(), work_.bits.data(), work_.counts.data());
      // Bits hold no NaN, which makes one of all sums of its block.
      const bool nan = std::any_of(work_.scratch.data(), work_.scratch.data() + padded, [](float v) { return v != v; });
      return nan ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
    });
  }

  void add(const float* h, int64_t steps, float* sums) const { m_.kernels->pool_f32(pool_, h, steps, sums); }

  void readout(const float* h, int64_t count, float* y) {
    const int64_t n = top().size(), rows = n == top().hidden_size ? count : 1;
    for (int64_t k = 0; k < count; k += rows) {
      m_.kernels->readout_f32(m_.output_weight.data(), m_.output_bias.data(),
                              top().without_padding(h + k * n, work_.scratch.data()), n, m_.output_size, rows,
                              y + k * m_.output_size);
    }
  }

  void read_pool(const float* sums, int64_t steps, float* y) {
    const float* read = features(sums, steps);
    if (top().size() != top().hidden_size) {  // padding of infinite weights would be NaN
      for (int64_t g = 0; g < m_.groups(); ++g) {
        const int64_t at = g * top().size();
        std::copy_n(top().without_padding(read + at, work_.scratch.data()), top().size(), features_.data() + at);
      }
      read = features_.data();
    }
    m_.kernels->readout_f32(m_.output_weight.data(), m_.output_bias.data(), read, int64_t(features_.size()),
                            m_.output_size, 1, y);
  }

  // What the readout multiplies, storage order.
  const float* features(const float* sums, int64_t steps) {
    if (m_.pool.time_constant > 0) return sums;
    m_.kernels->means_f32(sums, int64_t(features_.size()), float(steps), features_.data());
    return features_.data();
  }

  void get(int64_t l, const float* state, float* h) const { storage(l).to_natural(state, h); }

  void set(int64_t l, const float* h, float* state) const {
    const Storage& s = storage(l);
    for (int64_t j = 0; m_.kernel == Kernel::xnor && j < s.hidden_size; ++j) {
      // The kernel knows +-1 only, and the all-zero state before the first step.
      if (h[0] == 0 ? h[j] != 0 : h[j] != 1 && h[j] != -1) {
        throw std::invalid_argument("kernel 'xnor' holds states of +1 and -1 (or all zeros), got " +
                                    std::to_string(h[j]));
      }
    }
    s.to_storage(h, state);
  }

 private:
  const Storage& storage(int64_t l) const { return m_.layers[size_t(l)].data().storage; }
  const Storage& top() const { return m_.layers.back().data().storage; }

  const ModelData& m_;
  Workspace<float>& work_;
  Pooling<float> pool_{};
  Buffer<float> features_;
};

class FloatRunner final : public RunnerOf<FloatArithmetic> {
 public:
  using RunnerOf::RunnerOf;

  void advance_together(const int64_t* places, const Sequence* sequences, int64_t count, int64_t steps) override {
    const ModelData& m = model();
    if (count < 2 || Lanes::best(m) != count || steps < Lanes::least_steps(m)) {
      return Runner::advance_together(places, sequences, count, steps);
    }
    if (!lanes_) lanes_ = std::make_unique<Lanes>(m, chunk());
    for (int64_t i = 0; i < count; ++i) {
      lanes_->put(i, memory().state(memory().now(places[i])));
      memory().begin(places[i]);
    }
    const int64_t work = count * step_work();
    for (int64_t t = 0; t < steps; t += lanes_->chunk()) {
      const int64_t some = std::min(lanes_->chunk(), steps - t);
      pause(some * work);
      for (int64_t i = 0; i < count; ++i) {
        lanes_->read(i, read(memory().now(places[i]), sequences[i].x + t * m.input_size, some), some);
      }
      lanes_->run(some);
    }
    for (int64_t i = 0; i < count; ++i) lanes_->take(i, memory().state(memory().now(places[i])));
  }

 private:
  std::unique_ptr<Lanes> lanes_;
};

}  // namespace

std::unique_ptr<Runner> make_float_runner(const ModelData& m, int64_t count) {
  return std::make_unique<FloatRunner>(m, count);
}

}  // namespace hadamrnn
