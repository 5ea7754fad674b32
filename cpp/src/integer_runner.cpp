#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "memory.hpp"
#include "pause.hpp"
#include "runner.hpp"

namespace hadamrnn {
namespace {

// q = clamp(rint(x / scale)) of anything but NaN. Without a call for each: after the clamp at most 16 bits are left,
// and adding and subtracting 1.5 2^23 rounds them.
int32_t quantized(float x, float scale, float low, float high) {
  constexpr float magic = 12582912.0f;
  const float q = std::min(std::max(x / scale, low), high);
  return int32_t((q + magic) - magic);
}

class IntegerRunner final : public Runner {
 public:
  IntegerRunner(const ModelData& m, int64_t count) : m_(m), integer_(*m.integer) {
    int64_t size = 0, product = 0, block = 0;
    for (const PackedLayer& layer : m.layers) {
      const Storage& s = layer.data().storage;
      size = std::max(size, s.size());
      block = std::max(block, round_up(s.block_size, 64));
      product = std::max({product, s.size(), layer.recurrent.padded_rows(), layer.input.padded_rows()});
    }
    stride_ = size_t(size);
    step_work_ = work_of_step(m);
    // As many as stay in the first cache with what is kept of each, which is nothing of one input a step in one layer.
    const bool kept = m.tokens || m.input_size > 1 || m.output != Output::last || m.layers.size() > 1;
    chunk_ = kept ? std::clamp<int64_t>(4096 / size, 1, 64) : 64;
    memory_ = Memory<int32_t, int64_t>(count, int64_t(m.layers.size() * stride_),
                                       m.output == Output::mean ? top().size() : 0);
    kept_.resize(size_t(chunk_ * size));
    rows_.resize(size_t(chunk_ * size));
    scratch_.resize(size_t(std::max(size, block)));
    product_.resize(size_t(product));
    inputs_.resize(size_t(m.tokens ? 0 : chunk_ * m.input_size));
    if (!integer_.integer_readout) floats_.resize(size_t(size));
    if (integer_.integer_readout) logits_.resize(size_t(m.output_size));
    if (m.output == Output::mean) {
      chunk_total_.resize(size_t(top().size()));
      mean_.resize(size_t(top().size()));
    }
    if (m.kernel == Kernel::xnor) {
      counts_.resize(size_t(block));
      signs_.resize(size_t(block / 64));
    }
  }

  void advance(int64_t i, const Sequence& sequence, float* y) override {
    const int32_t* before = memory_.state(memory_.now(i));
    int32_t* state = memory_.state(memory_.begin(i));
    for (int64_t t = 0; t < sequence.steps; t += chunk_) {
      const int64_t steps = std::min(chunk_, sequence.steps - t);
      pause(steps * step_work_);
      IntegerRecur recur = first_input(sequence, t, steps);
      for (size_t l = 0; l < m_.layers.size(); ++l) {
        if (l > 0) {
          project_states(l, steps);
          recur = IntegerRecur{};
          recur.rows = rows_.data();
        }
        const bool keep = y || m_.output == Output::mean || l + 1 < m_.layers.size();
        run_layer(l, recur, (t == 0 ? before : state) + l * stride_, state + l * stride_, steps, keep);
      }
      const int64_t each = y ? 1 : steps;
      for (int64_t k = 0; k < steps && (y || m_.output == Output::mean); k += each) {
        const int32_t* z = &kept_[size_t(k * top().size())];
        if (m_.output == Output::mean) add(i, z, each);
        if (y) read_of(i, z, y + (t + k) * m_.output_size);
      }
    }
  }

  void commit(int64_t i) override { memory_.commit(i); }
  void undo(int64_t i) override { memory_.undo(i); }
  bool finite(int64_t) const override { return true; }

  void read(int64_t i, float* y) override { read_of(i, state(i, m_.layers.size() - 1), y); }

  int64_t step_work() const override { return step_work_; }
  void reset(int64_t i) override { memory_.reset(i); }
  void grow(int64_t count) override { memory_.grow(count); }

  // h = s_h z, as the readout computes with it.
  void get_state(int64_t i, int64_t layer, float* h) const override {
    const Storage& s = m_.layers[size_t(layer)].data().storage;
    const int32_t* z = state(i, size_t(layer));
    const float scale = integer_.layers[size_t(layer)].state_scale;
    for (int64_t j = 0; j < s.hidden_size; ++j) h[j] = float(z[s.index[size_t(j)]]) * scale;
  }

  // The nearest state that there is.
  void set_state(int64_t i, int64_t layer, const float* h) override {
    const Storage& s = m_.layers[size_t(layer)].data().storage;
    const IntegerLayerData& d = integer_.layers[size_t(layer)];
    int32_t* z = state(i, size_t(layer));
    if (std::any_of(h, h + s.hidden_size, [](float unit) { return std::isnan(unit); })) {
      throw std::invalid_argument("the state holds a NaN, and this model's state is of integers, which have none");
    }
    for (int64_t j = 0; j < s.hidden_size; ++j) {
      z[s.index[size_t(j)]] = quantized(h[j], d.state_scale, float(d.low), float(d.high));
    }
  }

  void get_total(int64_t i, double* total) const override { memory_.totals().get(memory_.now(i), top(), total); }
  void set_total(int64_t i, const double* total) override { memory_.totals().set(memory_.now(i), top(), total); }

 private:
  const int32_t* state(int64_t i, size_t layer) const { return memory_.state(memory_.now(i)) + layer * stride_; }
  int32_t* state(int64_t i, size_t layer) { return memory_.state(memory_.now(i)) + layer * stride_; }
  const Storage& top() const { return m_.layers.back().data().storage; }

  // Some steps more of the last layer for the mean: of one chunk, so that their sum fits 32 bits.
  void add(int64_t i, const int32_t* z, int64_t steps) {
    const int64_t n = top().size();
    std::fill_n(chunk_total_.data(), n, 0);
    m_.kernels->add_relu_i32(z, n, steps, chunk_total_.data());
    const int64_t slot = memory_.now(i);
    int64_t* sum = memory_.totals().sum(slot);
    for (int64_t j = 0; j < n; ++j) sum[j] += chunk_total_[size_t(j)];
    memory_.totals().add_steps(slot, steps);
  }

  // Logits of the sequence i whose last state is z.
  void read_of(int64_t i, const int32_t* z, float* y) {
    const IntegerLayerData& last = integer_.layers.back();
    if (m_.output != Output::mean) return readout(z, last.state_scale, y);
    // floor((2^(16-k) sum + T/2) / T). float64 holds both for T < 2^37, and as the quotient is at most 2^15 and no
    // nearer to the next whole number than 1/T, rounds it to none. Beyond, one in many may be a unit off.
    const int64_t slot = memory_.now(i);
    const int64_t* sum = memory_.totals().sum(slot);
    const int64_t steps = memory_.totals().divisor(slot), finer = 16 - last.state_bits;
    for (size_t j = 0; j < mean_.size(); ++j) {
      mean_[j] = int32_t(double((sum[j] << finer) + steps / 2) / double(steps));
    }
    readout(mean_.data(), std::ldexp(last.state_scale, int(-finer)), y);
  }

  // Input of the first layer for `steps` steps from `t` on.
  IntegerRecur first_input(const Sequence& sequence, int64_t t, int64_t steps) {
    IntegerRecur recur{};
    if (m_.tokens) {
      recur.codes = integer_.codes.data();
      recur.ids = sequence.ids + t;
      recur.multipliers = integer_.multipliers.data();
      return recur;
    }
    const int64_t d = m_.input_size;
    const float scale = integer_.input_scale, low = float(integer_.input_low), high = float(integer_.input_high);
    const float* x = sequence.x + t * d;
    int32_t* q = inputs_.data();
    for (int64_t k = 0; k < steps * d; ++k) q[k] = quantized(x[k], scale, low, high);
    if (d == 1) {
      recur.rows = integer_.row.data();
      recur.x = inputs_.data();
    } else {
      integer_.kernels->project(integer_.codes.data(), inputs_.data(), d, m_.layers.front().data().storage.size(),
                                steps, rows_.data());
      recur.rows = rows_.data();
    }
    return recur;
  }

  // What M_x of an upper layer multiplies: the dense binary matrix applied to relu of the states below.
  void project_states(size_t l, int64_t steps) {
    const PackedLayer& layer = m_.layers[l];
    const int64_t below = m_.layers[l - 1].data().storage.size(), size = layer.data().storage.size();
    for (int64_t t = 0; t < steps; ++t) {
      int32_t* z = &kept_[size_t(t * below)];
      for (int64_t j = 0; j < below; ++j) z[j] = std::max(z[j], 0);
      m_.kernels->masked_add_i32(layer.input.matrix(), z, product_.data());
      std::copy_n(product_.data(), size, &rows_[size_t(t * size)]);
    }
  }

  // Steps of one layer whose input is described by `recur`, from the state `before` to `z`.
  void run_layer(size_t l, IntegerRecur& recur, const int32_t* before, int32_t* z, int64_t steps, bool keep) {
    const LayerData& d = m_.layers[l].data();
    const IntegerLayerData& c = integer_.layers[l];
    const int64_t size = d.storage.size();
    recur.geometry = d.hadamard.geometry<int32_t>();
    recur.activation = d.activation;
    recur.sum = c.sum;
    recur.sum.units = c.units.data();
    recur.sum.bias = c.bias.data();
    recur.sum.signs = c.signs.empty() ? nullptr : c.signs.data();
    recur.modrelu = c.modrelu.data();
    recur.low = c.low;
    recur.high = c.high;
    recur.input_multiplier = c.input_multiplier;
    recur.scratch = scratch_.data();
    recur.in = before;
    recur.out = keep ? kept_.data() : z;
    recur.stride = keep ? size : 0;
    if (m_.kernel == Kernel::fwht) {
      integer_.kernels->recur(recur, steps);
    } else {
      for (int64_t t = 0; t < steps; ++t) {
        multiply(l, t > 0 ? recur.out + (t - 1) * recur.stride : before);
        integer_.kernels->update(recur, product_.data(), t, recur.out + t * recur.stride);
      }
    }
    if (keep) std::copy_n(recur.out + (steps - 1) * size, size, z);
  }

  // product_ = (I_q (x) H_m) z by another kernel than the transform.
  void multiply(size_t l, const int32_t* z) {
    const PackedLayer& layer = m_.layers[l];
    if (m_.kernel == Kernel::masked_add)
      return m_.kernels->masked_add_i32(layer.recurrent.matrix(), z, product_.data());
    const Storage& s = layer.data().storage;
    const int64_t block = s.block_size, padded = round_up(block, lane_group);
    const int32_t bits = integer_.layers[l].state_bits;
    std::fill_n(product_.data(), s.size(), 0);
    const bool one_bit = bits == 1;  // +1, -1 and the 0 before the first step
    if (one_bit && std::all_of(z, z + s.size(), [](int32_t v) { return v == 0; })) return;
    for (int64_t first = 0; first < s.hidden_size; first += block) {
      for (int64_t j = 0; j < padded; ++j) {
        scratch_[size_t(j)] = j < block ? z[s.index[size_t(first + j)]] : 0;
      }
      if (one_bit) {
        m_.kernels->pack_signs_i32(scratch_.data(), padded, signs_.data());
        m_.kernels->xnor_signs_i32(layer.block.matrix(), signs_.data(), counts_.data());
      } else {
        m_.kernels->xnor_i32(layer.block.matrix(), scratch_.data(), bits, counts_.data());
      }
      for (int64_t j = 0; j < block; ++j) product_[size_t(s.index[size_t(first + j)])] = counts_[size_t(j)];
    }
  }

  void readout(const int32_t* z, float scale, float* y) {
    const int64_t n = top().size();
    if (integer_.integer_readout) {
      integer_.kernels->readout(integer_.output_codes.data(), integer_.output_offset.data(), z, n, m_.output_size, 1,
                                logits_.data());
      for (int64_t k = 0; k < m_.output_size; ++k) y[k] = float(logits_[size_t(k)]) * integer_.logit_scale;
      return;
    }
    for (int64_t j = 0; j < n; ++j) floats_[size_t(j)] = float(z[j]) * scale;
    m_.kernels->readout_f32(m_.output_weight.data(), m_.output_bias.data(), floats_.data(), n, m_.output_size, 1, y);
  }

  const ModelData& m_;
  const IntegerData& integer_;
  size_t stride_;                    // integers that hold the state of any layer
  int64_t step_work_;                // of one step of one sequence, as pause() counts
  int64_t chunk_;                    // steps whose states are kept at once
  Memory<int32_t, int64_t> memory_;  // layers `stride_` apart
  Buffer<int32_t> kept_;             // (chunk, n): states of the layer at hand
  Buffer<int32_t> rows_;             // (chunk, n): what M_x multiplies
  Buffer<int32_t> scratch_, product_;
  std::vector<int32_t> inputs_, logits_, counts_;
  std::vector<uint64_t> signs_;
  Buffer<float> floats_;  // the state for a float readout
  Buffer<int32_t> chunk_total_, mean_;
};

}  // namespace

std::unique_ptr<Runner> make_integer_runner(const ModelData& m, int64_t count) {
  return std::make_unique<IntegerRunner>(m, count);
}

}  // namespace hadamrnn
