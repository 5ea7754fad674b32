#include "hadamrnn/stream.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "finite.hpp"
#include "fp_env.hpp"
#include "lanes.hpp"
#include "runner.hpp"

namespace hadamrnn {
namespace {

enum class Place : uint8_t { free, taken, stepping };  // stepping: in the call at hand

[[noreturn]] void fail(int64_t place, const char* what) {
  throw std::invalid_argument("place " + std::to_string(place) + what);
}

// The places of a call: sequence i of its batch is at [i]. While it lives they are marked.
class Places {
 public:
  Places(std::vector<Place>& all, const int64_t* at, int64_t count) : all_(all), at_(at) {
    try {
      for (; count_ < count; ++count_) {
        Place& place = all_[size_t((*this)[count_])];
        if (place == Place::free) fail((*this)[count_], " is free");
        if (place == Place::stepping) fail((*this)[count_], " is given twice");
        place = Place::stepping;
      }
    } catch (...) {
      release();
      throw;
    }
  }
  ~Places() { release(); }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;
  int64_t operator[](int64_t i) const { return at_ ? at_[i] : i; }

 private:
  void release() {
    for (int64_t i = 0; i < count_; ++i) all_[size_t((*this)[i])] = Place::taken;
  }

  std::vector<Place>& all_;
  const int64_t* at_;
  int64_t count_ = 0;
};

}  // namespace

struct StreamData {
  Model model;
  std::unique_ptr<Runner> runner;
  std::vector<Place> places;
  int64_t count;  // taken
};

Stream::Stream(const Model& model, int64_t batch) {
  if (batch < 1) throw std::invalid_argument("a stream needs at least one sequence, got " + std::to_string(batch));
  data_ = std::make_unique<StreamData>(
      StreamData{model, make_runner(model.data(), batch), std::vector<Place>(size_t(batch), Place::taken), batch});
}
Stream::~Stream() = default;
Stream::Stream(Stream&&) noexcept = default;

const Model& Stream::model() const { return data_->model; }
int64_t Stream::batch() const { return int64_t(data_->places.size()); }
int64_t Stream::layers() const { return int64_t(data_->model.data().layers.size()); }
int64_t Stream::hidden_size(int64_t layer) const {
  return data_->model.data().layers.at(size_t(layer)).data().storage.hidden_size;
}

std::vector<Overflow> Stream::run(const Batch& batch, bool every_step, float* y, const int64_t* at, Finite finite) {
  StreamData& s = *data_;
  const ModelData& m = s.model.data();
  check_batch(m, batch, 0);
  for (int64_t i = 0; at && i < batch.size; ++i) check_place(at[i]);
  const Places places(s.places, at, batch.size);
  const DefaultFpEnv env;
  std::vector<Overflow> found;
  const auto logits = [&](int64_t i) { return y + (every_step ? batch_start(batch, i) : i) * m.output_size; };
  const int64_t lanes = every_step || batch.steps < Lanes::least_steps(m) ? 1 : Lanes::best(m);
  const int64_t together = lanes > 1 ? batch.size / lanes * lanes : 0;
  try {
    for (int64_t i = 0; i < together; i += lanes) {
      std::vector<int64_t> group;
      std::vector<Sequence> sequences;
      for (int64_t k = i; k < i + lanes; ++k) {
        group.push_back(places[k]);
        sequences.push_back(batch_row(m, batch, k));
      }
      advance_all(*s.runner, m, group.data(), sequences.data(), lanes);
    }
    for (int64_t i = 0; i < batch.size; ++i) {
      const Sequence sequence = batch_row(m, batch, i);
      const int64_t place = places[i], rows = every_step ? sequence.steps : 1;
      if (i >= together && sequence.steps > 0) {
        s.runner->advance(place, sequence, every_step ? logits(i) : nullptr);
      }
      if (!every_step) s.runner->read(place, logits(i));
      if (finite == Finite::unchecked || sequence.steps == 0) continue;
      if (s.runner->finite(place) && all_finite(logits(i), rows * m.output_size)) continue;
      found.push_back({i, first_overflow(*s.runner, place, m, sequence, every_step)});
      std::fill_n(logits(i), rows * m.output_size, std::numeric_limits<float>::quiet_NaN());
    }
  } catch (...) {
    for (int64_t i = 0; i < batch.size; ++i) s.runner->undo(places[i]);
    throw;
  }
  const bool none = finite == Finite::all && !found.empty();
  for (int64_t i = 0; i < batch.size; ++i) none ? s.runner->undo(places[i]) : s.runner->commit(places[i]);
  return found;
}

void Stream::join(int64_t i) {
  check_place(i);
  if (taken(i)) fail(i, " is taken");
  data_->places[size_t(i)] = Place::taken;
  ++data_->count;
}

void Stream::leave(int64_t i) {
  check_place(i);
  if (!taken(i)) fail(i, " is free");
  data_->runner->reset(i);
  data_->places[size_t(i)] = Place::free;
  --data_->count;
}

bool Stream::taken(int64_t i) const { return data_->places.at(size_t(i)) != Place::free; }
int64_t Stream::count() const { return data_->count; }

void Stream::grow(int64_t batch) {
  if (batch < this->batch()) throw std::invalid_argument("a stream does not shrink");
  data_->runner->grow(batch);
  data_->places.resize(size_t(batch), Place::free);
}

void Stream::reset(int64_t i) {
  check_place(i);
  data_->runner->reset(i);
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

void Stream::get_before(int64_t i, double* before) const {
  check_before(i);
  data_->runner->get_before(i, before);
}

void Stream::set_before(int64_t i, const double* before) {
  check_before(i);
  data_->runner->set_before(i, before);
}

int64_t Stream::features() const {
  const ModelData& m = data_->model.data();
  return m.groups() * m.layers.back().data().storage.hidden_size;
}

int64_t Stream::differences() const {
  const ModelData& m = data_->model.data();
  return m.differences ? m.input_size : 0;
}

void Stream::check_total(int64_t i) const {
  if (features() == 0) throw std::invalid_argument("only a model with a pool has totals");
  check_place(i);
}

void Stream::check_before(int64_t i) const {
  if (differences() == 0) throw std::invalid_argument("only a model with differences remembers its input");
  check_place(i);
}

void Stream::check_place(int64_t i) const {
  if (i < 0 || i >= batch()) {
    throw std::invalid_argument("place " + std::to_string(i) + " is outside 0.." + std::to_string(batch() - 1));
  }
}

}  // namespace hadamrnn
