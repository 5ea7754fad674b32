#include "runner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "finite.hpp"
#include "memory.hpp"
#include "pause.hpp"

namespace hadamrnn {
namespace {

// Scratch memory, reused across chunks.
struct Workspace {
  explicit Workspace(const ModelData& model);

  size_t state_stride;   // floats that hold the state of any layer
  int64_t step_work;     // of one step of one sequence, as pause() counts
  int64_t chunk;         // steps whose states are kept at once: they should stay in the first-level cache
  Buffer<float> states;  // (chunk, n) of the layer at hand
  Buffer<float> inputs;  // (chunk, n): v_t of the layer at hand
  Buffer<float> scratch;
  Buffer<float> product;        // H h by another kernel than the transform
  std::vector<int32_t> counts;  // xnor: products of one block
  std::vector<uint64_t> bits;   // xnor: packed state of one block
};

Workspace::Workspace(const ModelData& m) {
  int64_t size = 0, product_size = 0, block = 0;
  for (const PackedLayer& layer : m.layers) {
    const Storage& s = layer.data().storage;
    size = std::max(size, s.size());
    block = std::max(block, round_up(s.block_size, 64));
    product_size = std::max({product_size, s.size(), layer.recurrent.padded_rows(), layer.input.padded_rows()});
  }
  state_stride = size_t(size);
  step_work = work_of_step(m);
  chunk = std::clamp<int64_t>(4096 / size, 1, 64);
  states.resize(size_t(chunk * size));
  inputs.resize(size_t(chunk * size));
  scratch.resize(size_t(std::max(size, block)));
  product.resize(size_t(product_size));
  if (m.kernel == Kernel::xnor) {
    counts.resize(size_t(block));
    bits.resize(size_t(block / 64));
  }
}

// The product (I_q (x) H_m) h of a 1-bit state: each block is packed to bits and counted. Bits hold no NaN, which makes
// one of all sums of its block.
void xnor_product(const ModelData& m, const PackedLayer& layer, Workspace& work, const float* h, float* acc) {
  const Storage& s = layer.data().storage;
  const int64_t block = s.block_size, padded = round_up(block, lane_group);
  const bool zero = std::all_of(h, h + s.size(), [](float v) { return v == 0; });  // before the first step
  std::fill(acc, acc + s.size(), 0.0f);
  if (zero) return;
  for (int64_t first = 0; first < s.hidden_size; first += block) {
    bool nan = false;
    for (int64_t i = 0; i < padded; ++i) {
      const float unit = i < block ? h[s.index[size_t(first + i)]] : 0.0f;
      nan = nan || std::isnan(unit);
      work.scratch[size_t(i)] = unit;
    }
    m.kernels->pack_signs_f32(work.scratch.data(), padded, work.bits.data());
    m.kernels->xnor_signs_i32(layer.block.matrix(), work.bits.data(), work.counts.data());
    for (int64_t i = 0; i < block; ++i) {
      acc[s.index[size_t(first + i)]] = nan ? std::numeric_limits<float>::quiet_NaN() : float(work.counts[size_t(i)]);
    }
  }
}

void product(const ModelData& m, const PackedLayer& layer, Workspace& work, const float* h, float* acc) {
  const Storage& s = layer.data().storage;
  if (m.kernel == Kernel::masked_add) return m.kernels->masked_add_f32(layer.recurrent.matrix(), h, acc);
  if (m.kernel == Kernel::xnor) return xnor_product(m, layer, work, h, acc);
  m.kernels->dense_f32(layer.dense.data(), s.without_padding(h, work.scratch.data()), s.size(), s.size(), acc);
}

// Steps of one layer whose input is described by `recur`, from the state `before` to `h`.
void run_layer(const ModelData& m, const PackedLayer& layer, Workspace& work, Recur<float>& recur, const float* before,
               float* h, int64_t steps, bool keep) {
  const LayerData& d = layer.data();
  const int64_t size = d.storage.size();
  recur.geometry = d.hadamard.geometry<float>();
  recur.activation = d.activation;
  recur.su = d.su.data();
  recur.modrelu = d.modrelu.data();
  recur.scratch = work.scratch.data();
  recur.in = before;
  recur.out = keep ? work.states.data() : h;
  recur.stride = keep ? size : 0;
  if (m.kernel == Kernel::fwht) {
    m.kernels->recur_f32(recur, steps);
  } else {
    for (int64_t t = 0; t < steps; ++t) {
      product(m, layer, work, t > 0 ? recur.out + (t - 1) * recur.stride : before, work.product.data());
      m.kernels->update_f32(recur, work.product.data(), t, recur.out + t * recur.stride);
    }
  }
  if (keep) std::copy_n(recur.out + (steps - 1) * size, size, h);
}

// v_t of an upper layer: the dense binary matrix applied to relu of the states below.
void project_states(const ModelData& m, const PackedLayer& layer, Workspace& work, int64_t below, int64_t steps) {
  const Buffer<float>& bias = layer.data().bias;
  const int64_t size = layer.data().storage.size();
  for (int64_t t = 0; t < steps; ++t) {
    float* h = work.states.data() + t * below;
    for (int64_t j = 0; j < below; ++j) h[j] = h[j] <= 0 ? 0.0f : h[j];  // NaN stays
    m.kernels->masked_add_f32(layer.input.matrix(), h, work.product.data());
    float* v = work.inputs.data() + t * size;
    for (int64_t j = 0; j < size; ++j) v[j] = layer.input_scale * work.product[size_t(j)] + bias[size_t(j)];
  }
}

// Input of the first layer for `steps` steps from `t` on.
Recur<float> first_input(const ModelData& m, Workspace& work, const Sequence& sequence, int64_t t, int64_t steps) {
  const LayerData& first = m.layers.front().data();
  Recur<float> recur{};
  if (m.tokens) {
    recur.rows = m.token_rows.data();
    recur.ids = sequence.ids + t;
  } else if (m.input_size == 1) {
    recur.x = sequence.x + t;
    recur.weight = m.input_weight.data();
    recur.bias = first.bias.data();
  } else {
    m.kernels->project_f32(m.input_weight.data(), first.bias.data(), sequence.x + t * m.input_size, m.input_size,
                           first.storage.size(), steps, work.inputs.data());
    recur.rows = work.inputs.data();
  }
  return recur;
}

// Advances the states of the layers, which lie `stride` apart, by all steps of the sequence, from `before` to `h`, and
// hands those of the last layer to `read`, a chunk (steps, n) from step t on at a time, if it wants them.
template <class Read>
void run_steps(const ModelData& m, Workspace& work, const float* before, float* h, const Sequence& sequence,
               bool keep_all, const Read& read) {
  const bool rows = m.layers.size() > 1 || (!m.tokens && m.input_size > 1);
  const int64_t chunk = keep_all || rows ? work.chunk : pause_steps(work.step_work);
  for (int64_t t = 0; t < sequence.steps; t += chunk) {
    const int64_t steps = std::min(chunk, sequence.steps - t);
    pause(steps * work.step_work);
    Recur<float> recur = first_input(m, work, sequence, t, steps);
    for (size_t l = 0; l < m.layers.size(); ++l) {
      if (l > 0) {
        project_states(m, m.layers[l], work, m.layers[l - 1].data().storage.size(), steps);
        recur = Recur<float>{};
        recur.rows = work.inputs.data();
      }
      const bool keep = keep_all || l + 1 < m.layers.size();
      const size_t at = l * work.state_stride;
      run_layer(m, m.layers[l], work, recur, (t == 0 ? before : h) + at, h + at, steps, keep);
    }
    if (keep_all) read(work.states.data(), t, steps);
  }
}

class FloatRunner final : public Runner {
 public:
  FloatRunner(const ModelData& m, int64_t count)
      : m_(m),
        work_(m),
        memory_(count, int64_t(m.layers.size() * work_.state_stride), m.output == Output::mean ? top().size() : 0),
        mean_(size_t(memory_.totals().size())) {}

  void advance(int64_t i, const Sequence& sequence, float* y) override {
    const float* before = memory_.state(memory_.now(i));
    const int64_t slot = memory_.begin(i);
    const bool mean = m_.output == Output::mean;
    const auto read_chunk = [&](const float* h, int64_t t, int64_t steps) {
      if (!mean) return readout(h, steps, y + t * m_.output_size);
      const int64_t each = y ? 1 : steps;
      for (int64_t k = 0; k < steps; k += each) {
        m_.kernels->add_relu_f32(h + k * top().size(), top().size(), each, memory_.totals().sum(slot));
        memory_.totals().add_steps(slot, each);
        if (y) read(i, y + (t + k) * m_.output_size);
      }
    };
    run_steps(m_, work_, before, memory_.state(slot), sequence, y || mean, read_chunk);
  }

  void commit(int64_t i) override { memory_.commit(i); }
  void undo(int64_t i) override { memory_.undo(i); }
  bool finite(int64_t i) const override {
    const int64_t slot = memory_.now(i);
    return m_.kernels->finite_f32(memory_.state(slot), int64_t(m_.layers.size() * work_.state_stride)) &&
           m_.kernels->finite_f32(memory_.totals().sum(slot), memory_.totals().size());
  }

  void read(int64_t i, float* y) override {
    if (m_.output != Output::mean) return readout(state(i, int64_t(m_.layers.size()) - 1), 1, y);
    const int64_t slot = memory_.now(i);
    const float* sum = memory_.totals().sum(slot);
    const float steps = float(memory_.totals().divisor(slot));
    for (size_t j = 0; j < mean_.size(); ++j) mean_[j] = sum[j] / steps;
    readout(mean_.data(), 1, y);
  }

  int64_t step_work() const override { return work_.step_work; }
  void reset(int64_t i) override { memory_.reset(i); }
  void grow(int64_t count) override { memory_.grow(count); }

  void get_state(int64_t i, int64_t layer, float* h) const override { storage(layer).to_natural(state(i, layer), h); }

  void set_state(int64_t i, int64_t layer, const float* h) override {
    const Storage& s = storage(layer);
    for (int64_t j = 0; m_.kernel == Kernel::xnor && j < s.hidden_size; ++j) {
      // The kernel knows +-1 only, and the all-zero state before the first step.
      if (h[0] == 0 ? h[j] != 0 : h[j] != 1 && h[j] != -1) {
        throw std::invalid_argument("kernel 'xnor' holds states of +1 and -1 (or all zeros), got " +
                                    std::to_string(h[j]));
      }
    }
    s.to_storage(h, state(i, layer));
  }

  void get_total(int64_t i, double* total) const override { memory_.totals().get(memory_.now(i), top(), total); }
  void set_total(int64_t i, const double* total) override { memory_.totals().set(memory_.now(i), top(), total); }

 private:
  // Logits of `count` rows of states (or means).
  void readout(const float* h, int64_t count, float* y) {
    const int64_t n = top().size(), rows = n == top().hidden_size ? count : 1;
    for (int64_t k = 0; k < count; k += rows) {
      m_.kernels->readout_f32(m_.output_weight.data(), m_.output_bias.data(),
                              top().without_padding(h + k * n, work_.scratch.data()), n, m_.output_size, rows,
                              y + k * m_.output_size);
    }
  }

  const Storage& top() const { return storage(int64_t(m_.layers.size()) - 1); }
  const Storage& storage(int64_t layer) const { return m_.layers[size_t(layer)].data().storage; }
  const float* state(int64_t i, int64_t layer) const {
    return memory_.state(memory_.now(i)) + size_t(layer) * work_.state_stride;
  }
  float* state(int64_t i, int64_t layer) { return memory_.state(memory_.now(i)) + size_t(layer) * work_.state_stride; }

  const ModelData& m_;
  Workspace work_;
  Memory<float, float> memory_;  // layers `state_stride` apart
  Buffer<float> mean_;
};

}  // namespace

int64_t work_of_step(const ModelData& m) {
  int64_t work = 0;
  for (const PackedLayer& layer : m.layers) {
    const Storage& s = layer.data().storage;
    work += s.size() * (m.kernel == Kernel::fwht ? 1 : s.block_size) + layer.data().input_size * s.size() / 64;
  }
  return work;
}

void check_batch(const ModelData& m, const Batch& batch, int64_t least) {
  for (int64_t i = 0; batch.lengths && i < batch.size; ++i) {
    if (batch.lengths[i] < least || batch.lengths[i] > batch.steps) {
      throw std::invalid_argument("length " + std::to_string(batch.lengths[i]) + " of sequence " + std::to_string(i) +
                                  " is outside " + std::to_string(least) + ".." + std::to_string(batch.steps));
    }
  }
  for (int64_t i = 0; m.tokens && i < batch.size; ++i) {
    const Sequence sequence = batch_row(m, batch, i);
    for (int64_t t = 0; t < sequence.steps; ++t) {
      if (sequence.ids[t] >= 0 && sequence.ids[t] < m.token_count) continue;
      throw std::invalid_argument("token " + std::to_string(sequence.ids[t]) + " at step " + std::to_string(t) +
                                  " of sequence " + std::to_string(i) + " is outside 0.." +
                                  std::to_string(m.token_count - 1));
    }
  }
  for (int64_t i = 0; m.integer && !m.tokens && i < batch.size; ++i) {
    const Sequence sequence = batch_row(m, batch, i);
    const float *x = sequence.x, *end = x + sequence.steps * m.input_size;
    const float* nan = std::find_if(x, end, [](float value) { return std::isnan(value); });
    if (nan == end) continue;
    throw std::invalid_argument("feature " + std::to_string((nan - x) % m.input_size) + " of step " +
                                std::to_string((nan - x) / m.input_size) + " of sequence " + std::to_string(i) +
                                " is NaN, and this model reads integers, which have none");
  }
}

int64_t batch_start(const Batch& batch, int64_t i) { return batch.starts ? batch.starts[i] : i * batch.steps; }

Sequence batch_row(const ModelData& m, const Batch& batch, int64_t i) {
  const int64_t first = batch_start(batch, i), steps = batch.lengths ? batch.lengths[i] : batch.steps;
  return {m.tokens ? nullptr : batch.x + first * m.input_size, m.tokens ? batch.ids + first : nullptr, steps};
}

int64_t first_overflow(Runner& runner, int64_t i, const ModelData& m, const Sequence& sequence, bool every_step) {
  runner.undo(i);
  std::vector<float> y(size_t(m.output_size));
  int64_t t = 0;
  for (; t < sequence.steps; ++t) {
    const Sequence step{m.tokens ? nullptr : sequence.x + t * m.input_size, m.tokens ? sequence.ids + t : nullptr, 1};
    runner.advance(i, step, nullptr);
    if (!runner.finite(i)) break;
    runner.read(i, y.data());
    if ((every_step || t + 1 == sequence.steps) && !all_finite(y.data(), m.output_size)) break;
  }
  runner.undo(i);
  return t;
}

SpareRunners::~SpareRunners() {
  for (std::atomic<Runner*>& place : places_) delete place.load();
}

std::unique_ptr<Runner> SpareRunners::take() {
  for (std::atomic<Runner*>& place : places_) {
    if (!place.load(std::memory_order_relaxed)) continue;
    if (Runner* runner = place.exchange(nullptr)) return std::unique_ptr<Runner>(runner);
  }
  return nullptr;
}

void SpareRunners::put(std::unique_ptr<Runner> runner) {
  for (std::atomic<Runner*>& place : places_) {
    Runner* none = nullptr;
    if (!place.compare_exchange_strong(none, runner.get())) continue;
    runner.release();
    return;
  }
}

std::unique_ptr<Runner> make_runner(const ModelData& m, int64_t count) {
  if (m.integer) return make_integer_runner(m, count);
  return std::make_unique<FloatRunner>(m, count);
}

}  // namespace hadamrnn
