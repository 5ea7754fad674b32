// The one runner: chunks of steps that stay in cache, layer above layer, and what the output reads of them.
#pragma once

#include <algorithm>
#include <memory>

#include "memory.hpp"
#include "pause.hpp"
#include "runner.hpp"
#include "workspace.hpp"

namespace hadamrnn {

// `Arithmetic` supplies what floats and integers do differently (float_runner.cpp, integer_runner.cpp):
//   Value, Input, Sum, Step  of a state, of what is read, of Totals, and the arguments of its recurrence kernel
//   free_steps               how many steps at once where nothing is kept of each
//   is_fused()               whether the recurrence kernel multiplies U x itself, one feature at a time
//   read(x, steps)           features in the form in which the first layer reads them
//   feature_input, token_input(...)  the input of the first layer
//   project_below(l, ...)    the input of an upper layer, from work.states to work.inputs
//   prepare(l, step)         the constants of a layer
//   recur, multiply, update  the fused kernel, or the product H h by another one and the rest of a step
//   add, readout, read_pool  states into the sums of a pool; logits of states, and of a pool
//   reads_each               whether add_and_read may take steps and the logits after each of them at once
//   features                 what the readout of a pool multiplies
//   get, set                 a layer's state as floats
template <class Arithmetic>
class RunnerOf : public Runner {
  using Value = typename Arithmetic::Value;
  using Input = typename Arithmetic::Input;
  using Step = typename Arithmetic::Step;

 public:
  RunnerOf(const ModelData& m, int64_t count)
      : m_(m),
        work_(m),
        arithmetic_(m, work_),
        expanded_(size_t(m.differences ? work_.chunk * m.input_width() : 0)),
        memory_(count, state_size(), {m.groups(), top().size()}, m.differences ? m.input_size : 0) {}

  void advance(int64_t i, const Sequence& sequence, float* y) override {
    const bool keep = y || is_pooled();
    const bool rows = layers() > 1 || (!m_.tokens && !arithmetic_.is_fused());
    const int64_t chunk = keep || rows ? work_.chunk : arithmetic_.free_steps;
    const Value* before = memory_.state(memory_.now(i));
    const int64_t slot = memory_.begin(i);
    Value* state = memory_.state(slot);
    for (int64_t t = 0; t < sequence.steps; t += chunk) {
      const int64_t steps = std::min(chunk, sequence.steps - t);
      pause(steps * work_.step_work);
      Step step = m_.tokens ? arithmetic_.token_input(sequence.ids + t)
                            : arithmetic_.feature_input(read(slot, sequence.x + t * m_.input_size, steps), steps);
      for (int64_t l = 0; l < layers(); ++l) {
        if (l > 0) {
          arithmetic_.project_below(l, steps);
          step = Step{};
          step.rows = work_.inputs.data();
        }
        const size_t at = size_t(l) * work_.state_stride;
        run_layer(l, step, (t == 0 ? before : state) + at, state + at, steps, keep || l + 1 < layers());
      }
      float* logits = y ? y + t * m_.output_size : nullptr;
      if (is_pooled()) {
        add_steps(i, slot, steps, logits);
      } else if (y) {
        arithmetic_.readout(work_.states.data(), steps, logits);
      }
    }
  }

  void read(int64_t i, float* y) override {
    if (!is_pooled()) return arithmetic_.readout(state(i, layers() - 1), 1, y);
    const int64_t slot = memory_.now(i);
    arithmetic_.read_pool(memory_.totals().sum(slot), memory_.totals().divisor(slot), y);
  }

  void features(int64_t i, float* r) override {
    const int64_t slot = memory_.now(i);
    const float* read = arithmetic_.features(memory_.totals().sum(slot), memory_.totals().divisor(slot));
    for (int64_t g = 0; g < m_.groups(); ++g) top().to_natural(read + g * top().size(), r + g * top().hidden_size);
  }

  void commit(int64_t i) override { memory_.commit(i); }
  void undo(int64_t i) override { memory_.undo(i); }
  bool finite(int64_t i) const override {
    const int64_t slot = memory_.now(i);
    return arithmetic_.finite(memory_.state(slot), state_size()) &&
           arithmetic_.finite(memory_.totals().sum(slot), memory_.totals().size());
  }

  int64_t step_work() const override { return work_.step_work; }
  void reset(int64_t i) override { memory_.reset(i); }
  void grow(int64_t count) override { memory_.grow(count); }

  void get_state(int64_t i, int64_t l, float* h) const override { arithmetic_.get(l, state(i, l), h); }
  void set_state(int64_t i, int64_t l, const float* h) override { arithmetic_.set(l, h, state(i, l)); }
  void get_total(int64_t i, double* total) const override { memory_.totals().get(memory_.now(i), top(), total); }
  void set_total(int64_t i, const double* total) override { memory_.totals().set(memory_.now(i), top(), total); }
  void get_before(int64_t i, double* before) const override { memory_.before().get(memory_.now(i), before); }
  void set_before(int64_t i, const double* before) override { memory_.before().set(memory_.now(i), before); }

 protected:
  // Features as the first layer reads them, the sequence of the slot going on; of chunk() steps at most.
  const Input* read(int64_t slot, const float* x, int64_t steps) {
    const Input* in = arithmetic_.read(x, steps);
    if (!m_.differences) return in;
    memory_.before().expand(slot, in, steps, expanded_.data());
    return expanded_.data();
  }
  Memory<Value, Input, typename Arithmetic::Sum>& memory() { return memory_; }
  const ModelData& model() const { return m_; }
  int64_t chunk() const { return work_.chunk; }

 private:
  int64_t layers() const { return int64_t(m_.layers.size()); }
  bool is_pooled() const { return m_.groups() > 0; }
  const Storage& storage(int64_t l) const { return m_.layers[size_t(l)].data().storage; }
  const Storage& top() const { return storage(layers() - 1); }
  int64_t state_size() const { return layers() * int64_t(work_.state_stride); }
  const Value* state(int64_t i, int64_t l) const {
    return memory_.state(memory_.now(i)) + size_t(l) * work_.state_stride;
  }
  Value* state(int64_t i, int64_t l) { return memory_.state(memory_.now(i)) + size_t(l) * work_.state_stride; }

  // Steps of one layer whose input is described by `step`, from the state `before` to `h`. All states are left in
  // work_.states with `keep`.
  void run_layer(int64_t l, Step& step, const Value* before, Value* h, int64_t steps, bool keep) {
    const int64_t size = storage(l).size();
    const LayerData& layer = m_.layers[size_t(l)].data();
    step.geometry = layer.hadamard.template geometry<Value>();
    step.scratch = work_.scratch.data();
    step.in = before;
    step.out = keep ? work_.states.data() : h;
    step.stride = keep ? size : 0;
    arithmetic_.prepare(l, step);
    if (m_.kernel == Kernel::fwht) {
      arithmetic_.recur(step, steps);
    } else {
      for (int64_t t = 0; t < steps; ++t) {
        arithmetic_.multiply(l, t > 0 ? step.out + (t - 1) * step.stride : before);
        arithmetic_.update(step, t, step.out + t * step.stride);
      }
    }
    if (keep) std::copy_n(step.out + (steps - 1) * size, size, h);
  }

  // The steps that have just been kept, into the pool; with `y`, the logits after each of them.
  void add_steps(int64_t i, int64_t slot, int64_t steps, float* y) {
    if constexpr (Arithmetic::reads_each) {
      if (y && arithmetic_.add_and_read(work_.states.data(), steps, memory_.totals().sum(slot), y)) {
        return memory_.totals().add_steps(slot, steps);
      }
    }
    const int64_t size = top().size(), each = y ? 1 : steps;
    for (int64_t t = 0; t < steps; t += each) {
      arithmetic_.add(work_.states.data() + t * size, each, memory_.totals().sum(slot));
      memory_.totals().add_steps(slot, each);
      if (y) read(i, y + t * m_.output_size);
    }
  }

  const ModelData& m_;
  Workspace<Value> work_;
  Arithmetic arithmetic_;
  Buffer<Input> expanded_;                                 // (chunk, 2 input_size): inputs beside their differences
  Memory<Value, Input, typename Arithmetic::Sum> memory_;  // layers work_.state_stride apart
};

}  // namespace hadamrnn
