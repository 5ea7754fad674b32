#include "runner.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "finite.hpp"

namespace hadamrnn {

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

Sequence part(const ModelData& m, const Sequence& s, int64_t first, int64_t steps) {
  return {m.tokens ? nullptr : s.x + first * m.input_size, m.tokens ? s.ids + first : nullptr, steps};
}

void Runner::advance_together(const int64_t* places, const Sequence* sequences, int64_t count, int64_t steps) {
  for (int64_t i = 0; i < count && steps > 0; ++i) {
    advance(places[i], {sequences[i].x, sequences[i].ids, steps}, nullptr);
  }
}

void advance_all(Runner& runner, const ModelData& m, const int64_t* places, const Sequence* sequences, int64_t count) {
  int64_t together = sequences[0].steps;
  for (int64_t i = 1; i < count; ++i) together = std::min(together, sequences[i].steps);
  runner.advance_together(places, sequences, count, together);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t left = sequences[i].steps - together;
    if (left > 0) runner.advance(places[i], part(m, sequences[i], together, left), nullptr);
  }
}

int64_t first_overflow(Runner& runner, int64_t i, const ModelData& m, const Sequence& sequence, bool every_step) {
  runner.undo(i);
  std::vector<float> y(size_t(m.output_size));
  int64_t t = 0;
  for (; t < sequence.steps; ++t) {
    runner.advance(i, part(m, sequence, t, 1), nullptr);
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
  if (!m.integer) return make_float_runner(m, count);
  return m.integer->blocks ? make_block_runner(m, count) : make_integer_runner(m, count);
}

}  // namespace hadamrnn
