#include "hadamrnn/stream.hpp"

#include <stdexcept>

#include "fp_env.hpp"
#include "pause.hpp"
#include "runner.hpp"

namespace hadamrnn {

struct StreamData {
  Model model;
  int64_t batch;
  std::unique_ptr<Runner> runner;
};

Stream::Stream(const Model& model, int64_t batch) {
  if (batch < 1) throw std::invalid_argument("a stream needs at least one sequence, got " + std::to_string(batch));
  data_ = std::make_unique<StreamData>(StreamData{model, batch, make_runner(model.data(), batch)});
}
Stream::~Stream() = default;
Stream::Stream(Stream&&) noexcept = default;

const Model& Stream::model() const { return data_->model; }
int64_t Stream::batch() const { return data_->batch; }
int64_t Stream::layers() const { return int64_t(data_->model.data().layers.size()); }
int64_t Stream::hidden_size(int64_t layer) const {
  return data_->model.data().layers.at(size_t(layer)).data().storage.hidden_size;
}

void Stream::run(const Batch& batch, bool every_step, float* y, const int64_t* at) {
  StreamData& s = *data_;
  const ModelData& m = s.model.data();
  check_batch(m, batch);
  for (int64_t i = 0; at && i < batch.size; ++i) check_place(at[i]);
  const DefaultFpEnv env;
  const auto run = [&] {
    for (int64_t i = 0; i < batch.size; ++i) {
      const Sequence sequence = batch_row(m, batch, i, batch.steps);
      const int64_t place = at ? at[i] : i;
      if (every_step) {
        s.runner->advance(place, sequence, y + i * batch.steps * m.output_size);
      } else {
        if (batch.steps > 0) s.runner->advance(place, sequence, nullptr);
        s.runner->read(place, y + i * m.output_size);
      }
    }
  };
  const int64_t work = batch.size * batch.steps * s.runner->step_work();
  if (!has_poll() || work < pause_work) return run();  // nobody is asked before the end
  s.runner->keep();
  try {
    run();
  } catch (...) {
    s.runner->put_back();
    throw;
  }
}

void Stream::reset() {
  for (int64_t i = 0; i < data_->batch; ++i) data_->runner->reset(i);
}

void Stream::reset(int64_t i) {
  check_place(i);
  data_->runner->reset(i);
}

void Stream::get_state(int64_t layer, float* h) const {
  const int64_t n = hidden_size(layer);
  for (int64_t i = 0; i < data_->batch; ++i) data_->runner->get_state(i, layer, h + i * n);
}

void Stream::set_state(int64_t layer, const float* h) {
  const int64_t n = hidden_size(layer);
  for (int64_t i = 0; i < data_->batch; ++i) data_->runner->set_state(i, layer, h + i * n);
}

void Stream::get_state(int64_t i, int64_t layer, float* h) const {
  check_place(i);
  data_->runner->get_state(i, layer, h);
}

void Stream::set_state(int64_t i, int64_t layer, const float* h) {
  check_place(i);
  data_->runner->set_state(i, layer, h);
}

void Stream::get_total(int64_t i, double* total) const {
  check_total(i);
  data_->runner->get_total(i, total);
}

void Stream::set_total(int64_t i, const double* total) {
  check_total(i);
  data_->runner->set_total(i, total);
}

void Stream::check_total(int64_t i) const {
  if (model().output() != Output::mean) throw std::invalid_argument("only a model with output 'mean' has totals");
  check_place(i);
}

void Stream::check_place(int64_t i) const {
  if (i < 0 || i >= data_->batch) {
    throw std::invalid_argument("place " + std::to_string(i) + " is outside 0.." + std::to_string(data_->batch - 1));
  }
}

}  // namespace hadamrnn
