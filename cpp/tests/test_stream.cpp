// Streams beyond what the traces show: states that overflow, calls that fail, sequences that come and go.
#include "hadamrnn/stream.hpp"

#include <cmath>
#include <stdexcept>

#include "check.hpp"
#include "data.hpp"
#include "hadamrnn/interrupt.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

constexpr int64_t n = 16, d = 2, o = 3;

Model make(const std::string& recurrence, Output output, int layers) {
  Random random;
  ModelSpec spec;
  for (int l = 0; l < layers; ++l) {
    LayerSpec layer;
    layer.hidden_size = layer.block_size = n;
    layer.base = 1;
    layer.core = {1};
    layer.signs = random.signs<int8_t>(n);
    layer.bias = random.reals<float>(n);
    layer.recurrence = recurrence;
    if (recurrence == "modrelu") layer.modrelu = random.reals<float>(n);
    if (l > 0) {
      layer.input_size = n;
      layer.input_signs = random.signs<int8_t>(n * n);
    }
    spec.layers.push_back(Layer(layer));
  }
  spec.input_size = d;
  spec.input_weight = random.reals<float>(n * d);
  spec.output_size = o;
  spec.output_weight = random.reals<float>(o * n);
  spec.output_bias = random.reals<float>(o);
  spec.output = output;
  return Model(spec);
}

// Everything that a stream remembers.
std::vector<double> memory(const Stream& stream) {
  std::vector<double> all;
  for (int64_t i = 0; i < stream.batch(); ++i) {
    for (int64_t l = 0; l < stream.layers(); ++l) {
      std::vector<float> h(size_t(stream.hidden_size(l)));
      stream.get_state(i, l, h.data());
      all.insert(all.end(), h.begin(), h.end());
    }
    if (stream.model().output() != Output::mean) continue;
    std::vector<double> total(n + 1);
    stream.get_total(i, total.data());
    all.insert(all.end(), total.begin(), total.end());
  }
  return all;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && first_difference(a.data(), b.data(), int64_t(a.size())) < 0;
}

bool any_nan(const float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (std::isnan(y[i])) return true;
  }
  return false;
}

struct Case {
  Model model;
  bool every_step;
  std::string what;
};

// Three sequences of `steps` steps, of which the second overflows at step `at`.
void overflow(const Case& c, int64_t steps, int64_t at) {
  Random random(uint64_t(steps * 100 + at));
  const std::string what = c.what + ", step " + std::to_string(at) + " of " + std::to_string(steps);
  const int64_t rows = c.every_step ? steps : 1;
  std::vector<float> x = random.reals<float>(3 * steps * d), y(size_t(3 * rows * o)), fine = y;
  for (int64_t k = 0; k < d; ++k) x[size_t((steps + at) * d + k)] = k % 2 ? -3e38f : 3e38f;
  const Batch batch{3, steps, x.data(), nullptr, nullptr, nullptr};
  Stream all(c.model, 3), each(c.model, 3), good(c.model, 3);
  const std::vector<float> before = random.reals<float>(3 * d);
  const Batch first{3, 1, before.data(), nullptr, nullptr, nullptr};
  for (Stream* stream : {&all, &each, &good}) stream->run(first, false, std::vector<float>(size_t(3 * o)).data());
  const std::vector<double> remembered = memory(all);

  const std::vector<Overflow> found = all.run(batch, c.every_step, y.data(), nullptr, Finite::all);
  check(found.size() == 1 && found[0].sequence == 1 && found[0].step == at, what + " is found");
  check(same(memory(all), remembered), what + " leaves all states as they were");

  check(each.run(batch, c.every_step, y.data(), nullptr, Finite::each).size() == 1, what + " is found alone");
  check(any_nan(&y[size_t(rows * o)], rows * o), what + " gives NaN");
  const int64_t others[] = {0, 2};
  std::vector<float> rest(x.begin(), x.begin() + steps * d);
  rest.insert(rest.end(), x.begin() + 2 * steps * d, x.end());
  good.run({2, steps, rest.data(), nullptr, nullptr, nullptr}, c.every_step, fine.data(), others);
  check(same(memory(each), memory(good)), what + " stops nobody else");
  check_same(what + ", the first", y.data(), fine.data(), rows * o);
  check_same(what + ", the last", &y[size_t(2 * rows * o)], &fine[size_t(rows * o)], rows * o);

  std::vector<float> logits(size_t(3 * (c.model.output() == Output::all ? steps : 1) * o));
  const auto at_once = c.model.infer(batch, logits.data(), 2, true);
  check(at_once && at_once->sequence == 1 && at_once->step == at, what + " is found by infer");
  check(!c.model.infer(batch, logits.data(), 2), what + " is not looked for");
}

void overflows() {
  for (const char* recurrence : {"linear", "relu", "modrelu"}) {
    for (const Output output : {Output::last, Output::all, Output::mean}) {
      for (const int layers : {1, 2}) {
        for (const bool every_step : {false, true}) {
          const std::string what = std::string(recurrence) + ", output " + std::to_string(int(output)) + ", " +
                                   std::to_string(layers) + " layers" + (every_step ? ", every step" : "");
          const Case c{make(recurrence, output, layers), every_step, what};
          overflow(c, 1, 0);
          overflow(c, 5, 2);
          overflow(c, 90, 71);
        }
      }
    }
  }
}

// Chunks of different lengths, one after another, against each sequence alone.
void ragged() {
  for (const Output output : {Output::last, Output::all, Output::mean}) {
    const Model model = make("linear", output, 1);
    Random random;
    const std::vector<float> x = random.reals<float>(12 * d);
    const int64_t starts[] = {5, 0, 7}, lengths[] = {2, 0, 5};
    const bool every_step = output == Output::all;
    std::vector<float> y(12 * o, -1.0f), alone(12 * o);
    Stream stream(model, 3);
    stream.run({3, 12, x.data(), nullptr, lengths, starts}, every_step, y.data());
    for (int64_t i = 0; i < 3; ++i) {
      Stream one(model, 1);
      one.run({1, lengths[i], x.data() + starts[i] * d, nullptr, nullptr, nullptr}, every_step, alone.data());
      const int64_t at = every_step ? starts[i] : i;
      check_same("a chunk among others", &y[size_t(at * o)], alone.data(), (every_step ? lengths[i] : 1) * o);
    }
    check(!every_step || y[0] == -1.0f, "logits of no chunk are not written");
  }
}

struct Impatient final : Poll {
  void ask() override { throw std::runtime_error("enough"); }
};

void places() {
  const Model model = make("linear", Output::mean, 2);
  Random random;
  const std::vector<float> x = random.reals<float>(4 * d);
  std::vector<float> y(4 * o), again(4 * o);
  Stream stream(model, 2);
  const auto step = [&](std::vector<int64_t> at, float* logits) {
    return stream.run({int64_t(at.size()), 1, x.data(), nullptr, nullptr, nullptr}, false, logits, at.data());
  };
  step({0, 1}, y.data());
  const std::vector<double> before = memory(stream);
  for (const std::vector<int64_t>& wrong :
       {std::vector<int64_t>{0, 0}, {0, 2}, {1, -1}, std::vector<int64_t>{0, 1, 0}}) {
    check_throws<std::invalid_argument>("wrong places", [&] { step(wrong, again.data()); });
    check(same(memory(stream), before), "wrong places move nobody");
  }
  stream.leave(0);
  check(stream.count() == 1 && !stream.taken(0) && stream.taken(1), "one has left");
  check_throws<std::invalid_argument>("a free place", [&] { step({1, 0}, again.data()); });
  check_throws<std::invalid_argument>("to leave a free place", [&] { stream.leave(0); });
  check_throws<std::invalid_argument>("to join a taken place", [&] { stream.join(1); });
  stream.join(0);
  step({0}, again.data());
  check_same("a new sequence begins at zero", again.data(), y.data(), o);
  stream.grow(5);
  check(stream.batch() == 5 && stream.count() == 2 && !stream.taken(4), "new places are free");
  check_throws<std::invalid_argument>("to shrink", [&] { stream.grow(4); });
  stream.join(4);
  step({4}, again.data());
  check_same("a new place begins at zero", again.data(), y.data(), o);
  check(stream.run({0, 1, x.data(), nullptr, nullptr, nullptr}, false, nullptr).empty(), "nobody steps");

  const std::vector<float> many(200'000 * d, 0.5f);
  const std::vector<double> held = memory(stream);
  const int64_t at[] = {1, 4};
  Impatient poll;
  check_throws<std::runtime_error>("an interrupted chunk", [&] {
    const Interruptible scope(poll);
    stream.run({2, 100'000, many.data(), nullptr, nullptr, nullptr}, false, y.data(), at);
  });
  check(same(memory(stream), held), "an interrupted chunk leaves all states as they were");
}

}  // namespace

void test_stream() {
  overflows();
  ragged();
  places();
}

}  // namespace hadamrnn::test
