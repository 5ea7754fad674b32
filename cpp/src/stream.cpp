#include "hadamrnn/stream.hpp"

#include <algorithm>
#include <stdexcept>

#include "fp_env.hpp"
#include "runner.hpp"

namespace hadamrnn {

struct StreamData {
  Model model;
  int64_t batch;
  Workspace work;
  Buffer<float> states;   // (batch, layers, state_stride)
  std::vector<float*> h;  // the states of the sequence at hand, a layer each

  StreamData(const Model& m, int64_t size)
      : model(m),
        batch(size),
        work(m.data()),
        states(size_t(size) * m.data().layers.size() * work.state_stride),
        h(m.data().layers.size()) {}

  float* state(int64_t sequence, int64_t layer) {
    const auto index = size_t(sequence) * model.data().layers.size() + size_t(layer);
    return states.data() + index * work.state_stride;
  }
};

Stream::Stream(const Model& model, int64_t batch) {
  if (batch < 1) throw std::invalid_argument("a stream needs at least one sequence, got " + std::to_string(batch));
  data_ = std::make_unique<StreamData>(model, batch);
}
Stream::~Stream() = default;
Stream::Stream(Stream&&) noexcept = default;

const Model& Stream::model() const { return data_->model; }
int64_t Stream::batch() const { return data_->batch; }
int64_t Stream::layers() const { return int64_t(data_->model.data().layers.size()); }
int64_t Stream::hidden_size(int64_t layer) const {
  return data_->model.data().layers.at(size_t(layer)).data().storage.hidden_size;
}

void Stream::run(const Batch& batch, bool every_step, float* y) {
  StreamData& s = *data_;
  const ModelData& m = s.model.data();
  check_batch(m, batch);
  const DefaultFpEnv env;
  std::vector<float*>& h = s.h;
  for (int64_t i = 0; i < s.batch; ++i) {
    for (size_t l = 0; l < h.size(); ++l) h[l] = s.state(i, int64_t(l));
    const Sequence sequence = batch_row(m, batch, i, batch.steps);
    if (every_step) {
      advance(m, s.work, h.data(), sequence, y + i * batch.steps * m.output_size);
    } else {
      if (batch.steps > 0) advance(m, s.work, h.data(), sequence, nullptr);
      read_state(m, h.back(), y + i * m.output_size);
    }
  }
}

void Stream::reset() { std::fill(data_->states.begin(), data_->states.end(), 0.0f); }

void Stream::get_state(int64_t layer, float* h) const {
  const Storage& storage = data_->model.data().layers.at(size_t(layer)).data().storage;
  for (int64_t i = 0; i < data_->batch; ++i) {
    storage.to_natural(data_->state(i, layer), h + i * storage.hidden_size);
  }
}

void Stream::set_state(int64_t layer, const float* h) {
  const ModelData& m = data_->model.data();
  const Storage& storage = m.layers.at(size_t(layer)).data().storage;
  const int64_t n = storage.hidden_size;
  for (int64_t i = 0; m.kernel == Kernel::xnor && i < data_->batch * n; ++i) {
    // The kernel knows +-1 only, and the all-zero state before the first step.
    const float first = h[i / n * n];
    if (first == 0 ? h[i] != 0 : h[i] != 1 && h[i] != -1) {
      throw std::invalid_argument("kernel 'xnor' holds states of +1 and -1 (or all zeros), got " +
                                  std::to_string(h[i]));
    }
  }
  for (int64_t i = 0; i < data_->batch; ++i) storage.to_storage(h + i * n, data_->state(i, layer));
}

}  // namespace hadamrnn
