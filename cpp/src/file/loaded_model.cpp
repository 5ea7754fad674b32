#include "file/loaded_data.hpp"
#include "file/raw_input.hpp"
#include "fp_env.hpp"
#include "hadamrnn/stream.hpp"

namespace hadamrnn {
namespace {

constexpr int max_threads = 1024;

[[noreturn]] void leaves_finite_numbers(const std::string& place) {
  throw std::invalid_argument("the network leaves the finite numbers of float32 at " + place +
                              "; expected input that it can add up");
}

}  // namespace

bool LoadedModel::takes_tokens() const { return data_->card.tokens; }
Output LoadedModel::output() const { return data_->card.output; }
int64_t LoadedModel::input_size() const { return data_->card.input_size; }
int64_t LoadedModel::output_size() const { return data_->card.output_size; }
int64_t LoadedModel::steps() const { return int64_t(data_->permutation.size()); }
bool LoadedModel::streams() const { return data_->permutation.empty() && !data_->reverse; }
const std::vector<std::string>& LoadedModel::labels() const { return data_->card.labels; }
const std::vector<std::string>& LoadedModel::words() const { return data_->card.preprocess.words; }
const Model& LoadedModel::network() const { return data_->model; }

void LoadedModel::infer(const Sequences& sequences, float* y, int threads) const {
  if (sequences.steps < 1) throw std::invalid_argument("there is an empty sequence; expected at least one step");
  if (threads < 1 || threads > max_threads) {
    throw std::invalid_argument("there are " + std::to_string(threads) + " threads; expected 1 .. " +
                                std::to_string(max_threads));
  }
  file::RawInput input(*data_);
  const Batch batch = input.read(sequences);
  if (batch.size == 0) return;
  if (const auto found = data_->model.infer(batch, y, threads, true)) {
    const int64_t step = data_->permutation.empty() ? found->step : data_->permutation[size_t(found->step)];
    leaves_finite_numbers(file::place(found->sequence, step, batch.size));
  }
  if (!data_->reverse) return;
  const bool all = output() == Output::all;
  std::vector<float> backwards(size_t(batch.size * (all ? batch.steps : 1) * output_size()));
  if (const auto found = data_->reverse->infer(input.reversed(batch), backwards.data(), threads, true)) {
    const int64_t last = (batch.lengths ? batch.lengths[found->sequence] : batch.steps) - 1;
    leaves_finite_numbers(file::place(found->sequence, last - found->step, batch.size));
  }
  if (all) backwards = file::reversed_rows(backwards.data(), batch, output_size());
  const DefaultFpEnv env;
  for (size_t i = 0; i < backwards.size(); ++i) y[i] += backwards[i];
}

struct LoadedStreamData {
  LoadedModel model;
  Stream stream;
  file::RawInput input;
};

LoadedStream::LoadedStream(const LoadedModel& model) {
  if (!model.streams()) {
    throw std::invalid_argument(model.steps() > 0
                                    ? "this model reads time steps in a permuted order and cannot be fed step by step"
                                    : "this model reads each sequence from both ends and cannot be fed step by step");
  }
  data_ = std::make_unique<LoadedStreamData>(
      LoadedStreamData{model, Stream(model.network(), 1), file::RawInput(model.data())});
}
LoadedStream::~LoadedStream() = default;
LoadedStream::LoadedStream(LoadedStream&&) noexcept = default;

void LoadedStream::step(const void* x, Number type, float* y) { run(x, type, 1, false, y); }

void LoadedStream::run(const void* x, Number type, int64_t steps, bool every_step, float* y) {
  const Batch batch = data_->input.read({x, type, 1, steps, nullptr});
  const std::vector<Overflow> found = data_->stream.run(batch, every_step, y, nullptr, Finite::all);
  if (!found.empty()) leaves_finite_numbers(file::place(0, found.front().step, 1));
}

void LoadedStream::reset() { data_->stream.reset(0); }

}  // namespace hadamrnn
