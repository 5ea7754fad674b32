// Integer models: z_t = sat(act(round_shift((u H z_(t-1)) M_h + in_t))), exactly.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "integer_values.hpp"
#include "runner_of.hpp"

namespace hadamrnn {
namespace {

class IntegerArithmetic {
 public:
  using Value = int32_t;
  using Input = int32_t;
  using Sum = int64_t;
  using Step = IntegerRecur;

  IntegerArithmetic(const ModelData& m, Workspace<int32_t>& work) : m_(m), integer_(*m.integer), work_(work) {
    const size_t n = size_t(top().size());
    inputs_.resize(size_t(m.tokens ? 0 : std::max(work.chunk * m.input_size, free_steps)));
    if (integer_.integer_readout) {
      logits_.resize(size_t(work.chunk * m.output_size));
    } else {
      floats_.resize(size_t(work.chunk) * n);
    }
    if (m.output == Output::mean) {
      zero_.resize(n);
      pool_ = {int64_t(n), 1, true, false, 0, zero_.data(), 0};
      chunk_total_.resize(n);
      mean_.resize(n);
    }
  }

  static constexpr int64_t free_steps = 64;
  static constexpr bool reads_each = false;
  static bool finite(const int32_t*, int64_t) { return true; }
  static bool finite(const int64_t*, int64_t) { return true; }

  bool is_fused() const { return m_.input_width() == 1; }

  const int32_t* read(const float* x, int64_t steps) {
    quantize(m_, x, steps * m_.input_size, inputs_.data());
    return inputs_.data();
  }

  Step token_input(const int32_t* ids) const {
    Step step{};
    step.codes = integer_.codes.data();
    step.ids = ids;
    step.multipliers = integer_.multipliers.data();
    return step;
  }

  Step feature_input(const int32_t* q, int64_t steps) {
    Step step{};
    if (is_fused()) {
      step.rows = integer_.row.data();
      step.x = q;
    } else {
      m_.kernels->project_i32(integer_.codes.data(), q, m_.input_width(), storage(0).size(), steps,
                              work_.inputs.data());
      step.rows = work_.inputs.data();
    }
    return step;
  }

  // What M_x of an upper layer multiplies: the dense binary matrix applied to relu of the states below.
  void project_below(int64_t l, int64_t steps) {
    const PackedLayer& layer = m_.layers[size_t(l)];
    const int64_t below = storage(l - 1).size(), size = storage(l).size();
    for (int64_t t = 0; t < steps; ++t) {
      int32_t* z = &work_.states[size_t(t * below)];
      for (int64_t j = 0; j < below; ++j) z[j] = std::max(z[j], 0);
      m_.kernels->masked_add_i32(layer.input.matrix(), z, work_.product.data());
      std::copy_n(work_.product.data(), size, &work_.inputs[size_t(t * size)]);
    }
  }

  void prepare(int64_t l, Step& step) const {
    const IntegerLayerData& layer = integer_.layers[size_t(l)];
    step.activation = m_.layers[size_t(l)].data().activation;
    step.sum = layer.sum;
    step.sum.units = layer.units.data();
    step.sum.bias = layer.bias.data();
    step.sum.signs = layer.signs.empty() ? nullptr : layer.signs.data();
    step.modrelu = layer.modrelu.data();
    step.low = layer.low;
    step.high = layer.high;
    step.input_multiplier = layer.input_multiplier;
  }

  void recur(const Step& step, int64_t steps) const { m_.kernels->recur_i32(step, steps); }
  void update(const Step& step, int64_t t, int32_t* out) const {
    m_.kernels->update_i32(step, work_.product.data(), t, out);
  }

  void multiply(int64_t l, const int32_t* z) {
    multiply_integers(m_, m_.layers[size_t(l)], integer_.layers[size_t(l)].state_bits, z, work_);
  }

  // Steps of one chunk, so that their sum fits 32 bits.
  void add(const int32_t* z, int64_t steps, int64_t* sum) {
    const int64_t n = top().size();
    std::fill_n(chunk_total_.data(), n, 0);
    m_.kernels->pool_i32(pool_, z, steps, chunk_total_.data());
    for (int64_t j = 0; j < n; ++j) sum[j] += chunk_total_[size_t(j)];
  }

  void readout(const int32_t* z, int64_t count, float* y) { readout(z, integer_.layers.back().state_scale, count, y); }

  // floor((2^(16-k) sum + T/2) / T). float64 holds both for T < 2^37, and as the quotient is at most 2^15 and no
  // nearer to the next whole number than 1/T, rounds it to none. Beyond, one in many may be a unit off.
  void read_pool(const int64_t* sum, int64_t steps, float* y) {
    const IntegerLayerData& last = integer_.layers.back();
    const int64_t finer = 16 - last.state_bits;
    for (size_t j = 0; j < mean_.size(); ++j) {
      mean_[j] = int32_t(double((sum[j] << finer) + steps / 2) / double(steps));
    }
    readout(mean_.data(), std::ldexp(last.state_scale, int(-finer)), 1, y);
  }

  const float* features(const int64_t*, int64_t) { throw std::invalid_argument("features are those of a float model"); }

  // h = s_h z, as the readout computes with it.
  void get(int64_t l, const int32_t* state, float* h) const {
    const Storage& s = storage(l);
    const float scale = integer_.layers[size_t(l)].state_scale;
    for (int64_t j = 0; j < s.hidden_size; ++j) h[j] = float(state[s.index[size_t(j)]]) * scale;
  }

  // The nearest state that there is.
  void set(int64_t l, const float* h, int32_t* state) const {
    const Storage& s = storage(l);
    const IntegerLayerData& layer = integer_.layers[size_t(l)];
    check_numbers(h, s.hidden_size);
    for (int64_t j = 0; j < s.hidden_size; ++j) {
      state[s.index[size_t(j)]] = quantized(h[j], layer.state_scale, float(layer.low), float(layer.high));
    }
  }

 private:
  // Logits of `count` rows of states, at most a chunk of them, in units of `scale`.
  void readout(const int32_t* z, float scale, int64_t count, float* y) {
    const int64_t n = top().size(), o = m_.output_size;
    if (integer_.integer_readout) {
      m_.kernels->readout_i32(integer_.output_codes.data(), integer_.output_offset.data(), z, n, o, count,
                              logits_.data());
      for (int64_t k = 0; k < count * o; ++k) y[k] = float(logits_[size_t(k)]) * integer_.logit_scale;
      return;
    }
    for (int64_t j = 0; j < count * n; ++j) floats_[size_t(j)] = float(z[j]) * scale;
    m_.kernels->readout_f32(m_.output_weight.data(), m_.output_bias.data(), floats_.data(), n, o, count, y);
  }

  const Storage& storage(int64_t l) const { return m_.layers[size_t(l)].data().storage; }
  const Storage& top() const { return m_.layers.back().data().storage; }

  const ModelData& m_;
  const IntegerData& integer_;
  Workspace<int32_t>& work_;
  std::vector<int32_t> inputs_, logits_;
  Buffer<float> floats_;  // states for a float readout
  Pooling<int32_t> pool_{};
  Buffer<int32_t> zero_, chunk_total_, mean_;
};

}  // namespace

std::unique_ptr<Runner> make_integer_runner(const ModelData& m, int64_t count) {
  return std::make_unique<RunnerOf<IntegerArithmetic>>(m, count);
}

}  // namespace hadamrnn
