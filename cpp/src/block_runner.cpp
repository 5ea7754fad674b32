// Integer models that forget, in lanes of 32 or 16 bits: python/hadamrnn_ext/golden/forgetting.py.
#include <algorithm>
#include <cmath>

#include "integer_values.hpp"
#include "runner_of.hpp"

namespace hadamrnn {
namespace {

template <class T>
class BlockArithmetic {
 public:
  using Value = T;
  using Input = int32_t;
  using Sum = int64_t;
  using Step = BlockRecur<T>;

  BlockArithmetic(const ModelData& m, Workspace<T>& work)
      : m_(m), integer_(*m.integer), blocks_(*integer_.blocks), lanes_(blocks_.lanes<T>()), work_(work) {
    const int64_t n = top().size(), groups = m.groups();
    inputs_.resize(size_t(m.tokens ? 0 : work.chunk * m.input_size));
    pairs_.resize(size_t(m.tokens ? 0 : work.chunk * blocks_.input.pairs));
    features_.resize(size_t((groups > 0 ? groups : work.chunk) * n));
    input_ = blocks_.input;
    input_.weights = blocks_.weights.data();
    input_.bias = blocks_.bias.data();
    input_.shift = blocks_.input_shift.data();
    input_.bound = blocks_.bound.empty() ? nullptr : blocks_.bound.data();
    read_.resize(features_.size());
    if (integer_.integer_readout) {
      short_.resize(size_t(round_up(std::max<int64_t>(1, groups) * n, feature_group)));
      logits_.resize(size_t(m.output_size));
    }
    order_.resize(size_t(n));
    for (int64_t j = 0; j < n; ++j) order_[size_t(j)] = blocks_.is_short ? top().index[size_t(j)] : int32_t(j);
    if (groups == 0) return;
    const Pool<float>& pool = m.pool;
    pool_ = {n, pool.thresholds, pool.excess, pool.share, 0, lanes_.threshold.data(), 0};
    if (is_running()) {
      running_ = {n,
                  pool.thresholds,
                  pool.excess,
                  pool.share,
                  pool.time_constant,
                  blocks_.wide.threshold.data(),
                  excess_shift()};
      means_.resize(size_t(groups * n));
      if constexpr (sizeof(T) == 2) wide_.resize(size_t(work.chunk * n));
      prepare_answers();
    } else {
      sums_.resize(size_t(groups * n));
    }
  }

  static constexpr int64_t free_steps = 64;
  static constexpr bool reads_each = true;
  static bool finite(const T*, int64_t) { return true; }
  static bool finite(const int64_t*, int64_t) { return true; }
  static bool is_fused() { return false; }

  const int32_t* read(const float* x, int64_t steps) {
    quantize(m_, x, steps * m_.input_size, inputs_.data());
    return inputs_.data();
  }

  Step token_input(const int32_t* ids) const {
    Step step{};
    step.rows = lanes_.table.data();
    step.ids = ids;
    return step;
  }

  Step feature_input(const int32_t* q, int64_t steps) {
    const int64_t width = m_.input_width(), pairs = input_.pairs;
    for (int64_t t = 0; t < steps; ++t, q += width) {
      for (int64_t j = 0; j < pairs; ++j) {
        const int32_t second = 2 * j + 1 < width ? q[2 * j + 1] : 0;
        pairs_[size_t(t * pairs + j)] = int32_t((uint32_t(second) << 16) | (uint32_t(q[2 * j]) & 0xFFFF));
      }
    }
    if constexpr (sizeof(T) == 2) {
      m_.kernels->project_blocks_i16(input_, pairs_.data(), steps, work_.inputs.data());
    } else {
      m_.kernels->project_blocks_i32(input_, pairs_.data(), steps, work_.inputs.data());
    }
    Step step{};
    step.rows = work_.inputs.data();
    return step;
  }

  void project_below(int64_t, int64_t) {}  // there is one layer

  void prepare(int64_t, Step& step) const {
    step.first = blocks_.first;
    step.end = blocks_.end;
    step.factors = lanes_.factors.data();
    step.widen = blocks_.widen;
    step.shift = blocks_.shift;
    step.low = T(blocks_.low);
    step.high = T(blocks_.high);
  }

  void recur(const Step& step, int64_t steps) const {
    if constexpr (sizeof(T) == 2) {
      m_.kernels->recur_blocks_i16(step, steps);
    } else {
      m_.kernels->recur_blocks_i32(step, steps);
    }
  }
  // Of other kernels than the transform, which are for lanes of 32 bits.
  void multiply(int64_t l, const T* z) {
    if constexpr (sizeof(T) == 4) multiply_integers(m_, m_.layers[size_t(l)], blocks_.state_bits, z, work_);
  }
  void update(const Step& step, int64_t t, T* out) const {
    if constexpr (sizeof(T) == 4) m_.kernels->update_blocks_i32(step, work_.product.data(), t, out);
  }

  // Sums of a few steps fit the lanes, which is how many of them are added at a time.
  void add(const T* z, int64_t steps, int64_t* sum) {
    if (is_running()) return add_running(z, steps, sum);
    const int64_t most = std::min<int64_t>(work_.chunk, ((int64_t(1) << (8 * sizeof(T) - 1)) - 1) / (2 * blocks_.high));
    for (int64_t t = 0; t < steps; t += most) {
      std::fill_n(sums_.data(), sums_.size(), T(0));
      const int64_t count = std::min(most, steps - t);
      if constexpr (sizeof(T) == 2) {
        m_.kernels->pool_i16(pool_, z + t * top().size(), count, sums_.data());
        m_.kernels->add_sums_i16(sums_.data(), int64_t(sums_.size()), sum);
      } else {
        m_.kernels->pool_i32(pool_, z + t * top().size(), count, sums_.data());
        m_.kernels->add_sums_i32(sums_.data(), int64_t(sums_.size()), sum);
      }
    }
  }

  // The same of a running pool with the logits after each step, the means staying in 32 bits and in the order in which
  // the readout wants them; false for other pools.
  bool add_and_read(const T* z, int64_t steps, int64_t* sum, float* y) {
    if (!is_running()) return false;
    const int64_t n = top().size(), groups = m_.groups(), size = groups * n, o = m_.output_size;
    const int32_t k = m_.pool.time_constant;
    for (int64_t j = 0; j < size; ++j) means_[size_t(j)] = int32_t(sum[answer_at(j)]);
    for (int64_t t = 0; t < steps; ++t, z += n, y += o) {
      m_.kernels->pool_i32(answers_, as_read(z), 1, means_.data());
      if (integer_.integer_readout) {
        m_.kernels->short_features_i32(means_.data(), size, k, short_.data());
        integer_logits(y);
      } else {
        m_.kernels->float_features_i32(means_.data(), size, k, unit_.data(), read_.data());
        m_.kernels->readout_f32(m_.output_weight.data(), m_.output_bias.data(), read_.data(), size, o, 1, y);
      }
    }
    for (int64_t j = 0; j < size; ++j) sum[answer_at(j)] = means_[size_t(j)];
    return true;
  }

  void readout(const T* z, int64_t count, float* y) {
    const int64_t n = top().size(), o = m_.output_size;
    if (integer_.integer_readout) {
      for (int64_t i = 0; i < count; ++i, z += n, y += o) {
        for (int64_t j = 0; j < n; ++j) short_[size_t(j)] = int16_t(std::max<T>(z[j], 0));
        integer_logits(y);
      }
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const size_t at = size_t(order_[size_t(j)]);
        features_[size_t(i * n + j)] = float(z[i * n + int64_t(at)]) * blocks_.scale[at];
      }
    }
    m_.kernels->readout_f32(m_.output_weight.data(), m_.output_bias.data(), features_.data(), n, o, count, y);
  }

  void read_pool(const int64_t* sums, int64_t steps, float* y) {
    const int64_t size = int64_t(features_.size()), n = top().size(), o = m_.output_size;
    if (integer_.integer_readout) {
      const int64_t k = m_.pool.time_constant;
      int16_t* feature = short_.data();
      for (int64_t g = 0; g < m_.groups(); ++g) {
        const int64_t finer = is_share(g) ? 15 : excess_shift();
        for (int64_t j = 0; j < n; ++j, ++sums) {
          const int64_t mean = k > 0 ? *sums >> k : ((*sums << finer) + steps / 2) / steps;
          *feature++ = int16_t(mean - feature_offset);
        }
      }
      return integer_logits(y);
    }
    const float* r = features(sums, steps);
    float* read = read_.data();
    for (int64_t g = 0; g < m_.groups(); ++g, r += n) {
      for (const int32_t at : order_) *read++ = r[at];
    }
    m_.kernels->readout_f32(m_.output_weight.data(), m_.output_bias.data(), read_.data(), size, o, 1, y);
  }

  const float* features(const int64_t* sums, int64_t steps) {
    const int64_t n = top().size();
    const int32_t k = m_.pool.time_constant;
    for (int64_t g = 0; g < m_.groups(); ++g, sums += n) {
      float* r = features_.data() + g * n;
      if (k > 0) {
        for (int64_t j = 0; j < n; ++j) r[j] = float(sums[j] >> k);
      } else {
        for (int64_t j = 0; j < n; ++j) r[j] = float(sums[j]) / float(steps);
      }
      for (int64_t j = 0; j < n; ++j) r[j] *= unit_of(g, j);
    }
    return features_.data();
  }

  // h = s z, as the readout computes with it.
  void get(int64_t, const T* state, float* h) const {
    const Storage& s = top();
    for (int64_t i = 0; i < s.hidden_size; ++i) {
      const size_t j = size_t(s.index[size_t(i)]);
      h[i] = float(state[j]) * blocks_.scale[j];
    }
  }

  // The nearest state that there is.
  void set(int64_t, const float* h, T* state) const {
    const Storage& s = top();
    check_numbers(h, s.hidden_size);
    for (int64_t i = 0; i < s.hidden_size; ++i) {
      const size_t j = size_t(s.index[size_t(i)]);
      state[j] = T(quantized(h[i], blocks_.scale[j], float(blocks_.low), float(blocks_.high)));
    }
  }

 private:
  const Storage& top() const { return m_.layers.back().data().storage; }
  bool is_running() const { return m_.pool.time_constant > 0; }
  bool is_share(int64_t group) const { return m_.pool.share && (!m_.pool.excess || group % 2 != 0); }
  int32_t excess_shift() const { return 16 - blocks_.state_bits; }
  // Of a feature of unit j, storage order.
  float unit_of(int64_t group, int64_t j) const {
    if (is_share(group)) return is_running() ? 1.0f / (1 << 15) : 1.0f;
    const float finer = is_running() ? 1.0f / float(1 << excess_shift()) : 1.0f;
    return blocks_.scale[size_t(j)] * finer;
  }

  // Integers are exact in any order; floats are added in that of order_.
  bool in_lane_order() const { return sizeof(T) == 4 || integer_.integer_readout; }
  int64_t answer_at(int64_t j) const { return answer_at_.empty() ? j : answer_at_[size_t(j)]; }
  void prepare_answers() {
    const int64_t n = top().size(), groups = m_.groups();
    answers_ = running_;
    if (!in_lane_order()) {
      for (int64_t j = 0; j < groups * n; ++j) answer_at_.push_back(int32_t(j / n * n + order_[size_t(j % n)]));
      for (int64_t j = 0; j < answers_.thresholds * n; ++j) {
        threshold_.push_back(running_.threshold[j / n * n + order_[size_t(j % n)]]);
      }
      answers_.threshold = threshold_.data();
    }
    if (integer_.integer_readout) return;
    for (int64_t j = 0; j < groups * n; ++j) unit_.push_back(unit_of(j / n, answer_at(j) % n));
  }
  // One step of states in 32 bits, in the order of the answers.
  const int32_t* as_read(const T* z) {
    if constexpr (sizeof(T) == 4) return z;
    if constexpr (sizeof(T) == 2) {
      if (in_lane_order()) {
        m_.kernels->widen_i16(z, top().size(), wide_.data());
      } else {
        int32_t* wide = wide_.data();
        for (const int32_t at : order_) *wide++ = z[at];
      }
      return wide_.data();
    }
  }

  void add_running(const T* z, int64_t steps, int64_t* sum) {
    const int64_t count = steps * top().size();
    for (size_t j = 0; j < means_.size(); ++j) means_[j] = int32_t(sum[j]);
    if constexpr (sizeof(T) == 2) {
      m_.kernels->widen_i16(z, count, wide_.data());
      m_.kernels->pool_i32(running_, wide_.data(), steps, means_.data());
    } else {
      m_.kernels->pool_i32(running_, z, steps, means_.data());
    }
    std::copy_n(means_.data(), means_.size(), sum);
  }

  // V_codes r + c of the features in short_; of the many of a pool, sums take more than 32 bits.
  void integer_logits(float* y) {
    m_.kernels->readout_i16(blocks_.output_codes.data(), short_.data(), int64_t(short_.size()), m_.output_size,
                            logits_.data());
    for (size_t k = 0; k < logits_.size(); ++k) {
      y[k] = float(logits_[k] + blocks_.output_offset[k]) * integer_.logit_scale;
    }
  }

  const ModelData& m_;
  const IntegerData& integer_;
  const BlockData& blocks_;
  const BlockLanes<T>& lanes_;
  Workspace<T>& work_;
  BlockInput input_;
  std::vector<int32_t> inputs_, pairs_;
  Buffer<float> features_;      // of the pool, or states for a float readout
  Buffer<float> read_;          // features in the order in which the readout adds
  std::vector<int32_t> order_;  // of units: where each lies that the readout reads
  Pooling<T> pool_{};
  Pooling<int32_t> running_{}, answers_{};  // of storage order, and of that of answers at every step
  Buffer<int32_t> threshold_;               // of answers_
  std::vector<int32_t> answer_at_;          // where the means of answers_ lie in storage order; empty: in place
  Buffer<float> unit_;                      // of the features of answers_
  Buffer<T> sums_;
  Buffer<int32_t> means_, wide_;
  Buffer<int16_t> short_;  // features of an integer readout, which is then in logits_
  std::vector<int64_t> logits_;
};

}  // namespace

std::unique_ptr<Runner> make_block_runner(const ModelData& m, int64_t count) {
  if (m.integer->blocks->is_short) return std::make_unique<RunnerOf<BlockArithmetic<int16_t>>>(m, count);
  return std::make_unique<RunnerOf<BlockArithmetic<int32_t>>>(m, count);
}

}  // namespace hadamrnn
