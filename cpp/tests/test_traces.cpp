// Whole models against the golden traces: every kernel, several numbers of threads, streams, and a
// caller who has set flush-to-zero.
#include "check.hpp"
#include "data.hpp"
#include "flush_to_zero.hpp"
#include "hadamrnn/stream.hpp"
#include "tests.hpp"
#include "trace.hpp"

namespace hadamrnn::test {
namespace {

Layer make_layer(const Trace& trace, int32_t index) {
  const std::string prefix = "layer" + std::to_string(index) + ".";
  LayerSpec spec;
  spec.core = trace.at(prefix + "core").signs;
  spec.base = int32_t(trace.at(prefix + "core").shape[0]);
  spec.signs = trace.at(prefix + "signs").signs;
  spec.hidden_size = int64_t(spec.signs.size());
  spec.block_size = trace.integer(prefix + "block_size");
  spec.bias = trace.at(prefix + "bias").f32;
  spec.recurrence = trace.at(prefix + "recurrence").word;
  if (trace.has(prefix + "modrelu")) spec.modrelu = trace.at(prefix + "modrelu").f32;
  if (trace.has(prefix + "input_signs")) {
    spec.input_signs = trace.at(prefix + "input_signs").signs;
    spec.input_size = trace.at(prefix + "input_signs").shape[1];
  }
  return Layer(spec);
}

Model make_model(const Trace& trace, const std::string& kernel) {
  ModelSpec spec;
  for (int32_t l = 0; l < trace.integer("layers"); ++l) spec.layers.push_back(make_layer(trace, l));
  spec.input_weight = trace.at("input_weight").f32;
  spec.input_size = trace.at("input_weight").shape[1];
  spec.tokens = trace.has("tokens");
  if (trace.has("embedding")) {
    spec.embedding = trace.at("embedding").f32;
    spec.tokens_count = trace.at("embedding").shape[0];
  }
  spec.output_weight = trace.at("output_weight").f32;
  spec.output_bias = trace.at("output_bias").f32;
  spec.output_size = int64_t(spec.output_bias.size());
  spec.output = parse_output(trace.at("output").word);
  spec.kernel = parse_kernel(kernel);
  return Model(spec);
}

// The inputs of a trace at an address that suits no vector.
struct Inputs {
  explicit Inputs(const Trace& trace)
      : x(trace.has("x") ? trace.at("x").f32 : std::vector<float>()),
        ids(trace.has("tokens") ? trace.at("tokens").i32 : std::vector<int32_t>()) {
    const std::vector<int64_t>& shape = trace.at(trace.has("x") ? "x" : "tokens").shape;
    batch.size = shape[0];
    batch.steps = shape[1];
    if (trace.has("x")) batch.x = x.data();
    if (trace.has("tokens")) batch.ids = ids.data();
    if (trace.has("lengths")) {
      for (const int32_t length : trace.at("lengths").i32) lengths.push_back(length);
      batch.lengths = lengths.data();
    }
  }
  Unaligned<float> x;
  Unaligned<int32_t> ids;
  std::vector<int64_t> lengths;
  Batch batch;
};

void infer(const Trace& trace, const Model& model, const std::string& expected, const std::string& what) {
  Inputs inputs(trace);
  const std::vector<float>& y = trace.at(expected).f32;
  for (const int threads : {1, 2, 3, 8}) {
    Unaligned<float> out(int64_t(y.size()));
    model.infer(inputs.batch, out.data(), threads);
    check_same(what + ", threads " + std::to_string(threads), out.data(), y.data(), int64_t(y.size()));
    check(out.intact(), what + " keeps to its memory");
  }
}

// Steps [first, last) of every sequence.
Batch cut(const Trace& trace, const Batch& whole, int64_t first, int64_t last, std::vector<float>& x,
          std::vector<int32_t>& ids) {
  const int64_t d = trace.has("x") ? trace.at("x").shape[2] : 1;
  x.clear(), ids.clear();
  for (int64_t i = 0; i < whole.size; ++i) {
    for (int64_t k = (i * whole.steps + first) * d; k < (i * whole.steps + last) * d; ++k) {
      if (whole.x) x.push_back(whole.x[k]);
      if (whole.ids) ids.push_back(whole.ids[k]);
    }
  }
  Batch part = whole;
  part.steps = last - first;
  part.lengths = nullptr;
  if (whole.x) part.x = x.data();
  if (whole.ids) part.ids = ids.data();
  return part;
}

void check_states(const Trace& trace, const Stream& stream, const std::string& what) {
  for (int64_t l = 0; l < stream.layers(); ++l) {
    const std::vector<float>& expected = trace.at("state." + std::to_string(l)).f32;
    std::vector<float> state(expected.size());
    for (int64_t i = 0; i < stream.batch(); ++i) stream.get_state(i, l, &state[size_t(i * stream.hidden_size(l))]);
    check_same(what, state.data(), expected.data(), int64_t(state.size()));
  }
}

// One step, then its state moved to a new stream, which takes the rest as one chunk.
void stream(const Trace& trace, const Model& model, const std::string& what) {
  Inputs inputs(trace);
  std::vector<float> x;
  std::vector<int32_t> ids;
  const int64_t size = inputs.batch.size, steps = inputs.batch.steps, o = model.output_size();
  const std::vector<float>& y = trace.at("y.fwht").f32;
  Stream first(model, size), second(model, size);
  std::vector<float> step(size_t(size * o)), rest(size_t(size * (steps - 1) * o)), last(size_t(size * o));
  first.run(cut(trace, inputs.batch, 0, 1, x, ids), false, step.data());
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t l = 0; l < first.layers(); ++l) {
      std::vector<float> state(size_t(first.hidden_size(l)));
      first.get_state(i, l, state.data());
      second.set_state(i, l, state.data());
    }
  }
  for (int64_t i = 0; i < size && model.output() == Output::mean; ++i) {
    std::vector<double> total(size_t(first.hidden_size(first.layers() - 1) + 1));
    first.get_total(i, total.data());
    second.set_total(i, total.data());
  }
  // Each sequence for itself at its place of a larger stream, the last one first; the others are not touched.
  Stream many(model, size + 2);
  for (int64_t i = size - 1; i >= 0; --i) {
    const int64_t place = i + 1;
    Batch one = cut(trace, inputs.batch, 0, 1, x, ids);
    if (one.x) one.x += i * model.input_size();
    if (one.ids) one.ids += i;
    one.size = 1;
    std::vector<float> logits(static_cast<size_t>(o));
    many.run(one, false, logits.data(), &place);
    check_same(what + " at a place", logits.data(), &step[size_t(i * o)], o);
  }
  const Batch chunk = cut(trace, inputs.batch, 1, steps, x, ids);
  first.run(chunk, false, last.data());
  second.run(chunk, true, rest.data());
  check_states(trace, first, what + " state");
  check_states(trace, second, what + " state after moving");
  if (trace.has("lengths")) return;  // the outputs of the file stop there
  for (int64_t i = 0; i < size; ++i) {
    if (model.output() == Output::all) {
      check_same(what + " step", &step[size_t(i * o)], &y[size_t(i * steps * o)], o);
      check_same(what + " chunk", &rest[size_t(i * (steps - 1) * o)], &y[size_t((i * steps + 1) * o)], (steps - 1) * o);
    } else {
      check_same(what + " last of a chunk", &rest[size_t(((i + 1) * (steps - 1) - 1) * o)], &y[size_t(i * o)], o);
      check_same(what + " last", &last[size_t(i * o)], &y[size_t(i * o)], o);
    }
  }
}

void run(const Trace& trace, const KernelTable& table, const std::string& suffix) {
  const bool sign = trace.at("layer0.recurrence").word == "sign";
  for (const std::string kernel : {"fwht", "masked_add", "dense", "xnor"}) {
    if (kernel == "xnor" && !sign) continue;  // needs a state of +1 and -1
    const std::string what = trace.name + " " + kernel + suffix;
    const Model model = make_model(trace, kernel);
    check(model.isa() == table.isa, what + " runs on " + isa_name(table.isa));
    check(model.kernel() == parse_kernel(kernel), what + " runs the kernel asked for");
    infer(trace, model, kernel == "fwht" || kernel == "xnor" ? "y.fwht" : "y.dense", what);
    if (kernel == "fwht" || kernel == "xnor") stream(trace, model, what + " stream");
  }
}

}  // namespace

void test_traces(const KernelTable& table, const std::string& file) {
  for (const Trace& trace : read_traces(file)) {
    run(trace, table, "");
    const FlushToZero caller;
    run(trace, table, ", caller flushes to zero");
    check(FlushToZero::active(), trace.name + " leaves the caller's setting alone");
  }
}

}  // namespace hadamrnn::test
