// The fused recurrence, and the single step whose product comes from elsewhere, against plain loops.
#include "hadamrnn/recurrence.hpp"

#include <cmath>
#include <limits>

#include "check.hpp"
#include "data.hpp"
#include "flush_to_zero.hpp"
#include "naive.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

enum class Input { scalar, rows, tokens };

const char* name(Activation a) {
  const char* names[] = {"linear", "relu", "modrelu", "sign"};
  return names[int(a)];
}

// One layer and its input in memory that suits no vector.
template <class T>
struct Case {
  Blocks blocks;
  Activation activation;
  Input input;
  int64_t steps;
  std::vector<T> core_signs;
  Unaligned<T> core, su, modrelu, x, weight, bias, rows, h0;
  std::vector<int32_t> ids;

  template <class Draw>
  Case(const Blocks& s, Activation a, Input in, int64_t count, Random& random, const Draw& draw)
      : blocks(s),
        activation(a),
        input(in),
        steps(count),
        core_signs(random.signs<T>(s.base * s.base)),
        core(core_signs),
        su(s.padded(draw(random, s.units()))),
        modrelu(s.padded(draw(random, s.units()))),
        x(draw(random, count)),
        weight(s.padded(draw(random, s.units()))),
        bias(s.padded(draw(random, s.units()))),
        rows(draw(random, (count + 2) * s.size())),
        h0(s.padded(draw(random, s.units()))),
        ids(random.integers<int32_t>(count, 0, count + 1)) {}

  T v(int64_t t, int64_t j) {
    if (input == Input::scalar) return T(T(weight.data()[j] * x.data()[t]) + bias.data()[j]);
    return rows.data()[(input == Input::tokens ? ids[size_t(t)] : t) * blocks.size() + j];
  }

  // act(su * product + v_t), one rounding after another.
  std::vector<T> update(const std::vector<T>& product, int64_t t) {
    std::vector<T> h(product.size());
    for (int64_t j = 0; j < blocks.size(); ++j) {
      const T z = T(T(su.data()[j] * product[size_t(j)]) + v(t, j));
      h[size_t(j)] = activate(activation, z, modrelu.data()[j]);
    }
    return h;
  }

  Recur<T> recur(T* out, int64_t stride, T* scratch) {
    Recur<T> p{};
    p.geometry = {blocks.row(), blocks.log2, blocks.base, core.data(), core.data()};
    p.activation = activation;
    p.su = su.data();
    p.modrelu = activation == Activation::modrelu ? modrelu.data() : nullptr;
    if (input == Input::scalar) {
      p.x = x.data();
      p.weight = weight.data();
      p.bias = bias.data();
    } else {
      p.rows = rows.data();
      p.ids = input == Input::tokens ? ids.data() : nullptr;
    }
    p.in = h0.data();
    p.out = out;
    p.stride = stride;
    p.scratch = scratch;
    return p;
  }

  std::string what() const {
    const char* inputs[] = {"scalar input", "rows", "tokens"};
    return std::string(name(activation)) + ", " + inputs[int(input)] + ", q=" + std::to_string(blocks.q) +
           " base=" + std::to_string(blocks.base) + " log2=" + std::to_string(blocks.log2);
  }
};

template <class T>
void compare(const std::string& kernel_name, void (*kernel)(const Recur<T>&, int64_t), Case<T>& c) {
  const int64_t n = c.blocks.size();
  std::vector<T> expected, h(c.h0.data(), c.h0.data() + n);
  for (int64_t t = 0; t < c.steps; ++t) {
    h = c.update(transform(c.blocks, c.core_signs, h.data(), false), t);
    expected.insert(expected.end(), h.begin(), h.end());
  }
  const std::string what = kernel_name + ", " + c.what();
  Unaligned<T> all(c.steps * n), scratch(n);
  kernel(c.recur(all.data(), n, scratch.data()), c.steps);
  check_same(what, all.data(), expected.data(), c.steps * n);
  kernel(c.recur(c.h0.data(), 0, scratch.data()), c.steps);  // the last state alone, over the first one
  check_same(what + ", last state", c.h0.data(), h.data(), n);
  check(all.intact() && scratch.intact() && c.h0.intact(), what + " keeps to its memory");
}

void compare_update(const KernelTable& table, Case<float>& c, const std::vector<float>& product) {
  Unaligned<float> acc(product), out(c.blocks.size());
  for (int64_t t = 0; t < c.steps; ++t) {
    table.update_f32(c.recur(nullptr, 0, nullptr), acc.data(), t, out.data());
    check_same("update_f32, " + c.what(), out.data(), c.update(product, t).data(), c.blocks.size());
  }
  check(out.intact(), "update_f32 keeps to its memory");
}

// Whole numbers in -8 .. 7: what is no number is not saturated to one.
void not_a_number(const KernelTable& table, Activation activation) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> su(16, 1.0f), rows(16, 100.0f), in(16, 0.0f), out(16), threshold(16, 0.5f), core(1, 1.0f);
  rows[3] = std::nanf("");
  rows[4] = infinity;
  Recur<float> p{};
  p.geometry = {16, 0, 1, core.data(), core.data()};
  p.activation = activation;
  p.su = su.data();
  p.modrelu = threshold.data();
  p.rows = rows.data();
  p.in = in.data();
  p.out = out.data();
  p.limit = 8;
  table.recur_f32(p, 1);
  const float largest = activation == Activation::sign ? 1.0f : 7.0f;
  check(std::isnan(out[3]), std::string("recur_f32 of whole numbers and NaN, ") + name(activation));
  check(out[4] == largest && out[5] == largest, std::string("recur_f32 saturates, ") + name(activation));
}

// The gradient of the signs of two sequences, so small that each of its numbers is denormal.
std::vector<float> tiny_gradient() {
  const int64_t n = 16, batch = 2;
  const std::vector<float> small(size_t(batch * n), 1e-20f), signs(size_t(n), 1.0f);
  std::vector<float> dv(size_t(batch * n)), dh0(size_t(batch * n)), dsigns(static_cast<size_t>(n));
  const Recurrence recurrence(n, n, 1, {1}, "linear");
  recurrence.backward(signs.data(), small.data(), small.data(), static_cast<const float*>(nullptr), small.data(), batch,
                      1, dv.data(), dh0.data(), dsigns.data(), static_cast<float*>(nullptr), 1);
  return dsigns;
}

}  // namespace

void test_recurrence(const KernelTable& table) {
  const auto reals = [](Random& random, int64_t n) { return random.reals<float>(n); };
  const auto specials = [](Random& random, int64_t n) { return random.specials(n); };
  const auto doubles = [](Random& random, int64_t n) { return random.reals<double>(n); };
  const Blocks shapes[] = {{1, 0, 1},  {33, 0, 1}, {5, 1, 1},  {7, 2, 1},  {3, 3, 1},  {3, 4, 1},
                           {5, 5, 1},  {1, 6, 1},  {3, 7, 1},  {1, 8, 1},  {3, 8, 1},  {1, 9, 1},
                           {3, 9, 1},  {1, 10, 1}, {1, 11, 1}, {2, 12, 1}, {1, 14, 1}, {1, 0, 12},
                           {3, 0, 12}, {3, 1, 12}, {1, 5, 20}, {2, 0, 28}, {1, 7, 12}};
  Random random;
  for (const Blocks& s : shapes) {
    for (const Activation a : {Activation::linear, Activation::relu, Activation::modrelu, Activation::sign}) {
      for (const Input in : {Input::scalar, Input::rows, Input::tokens}) {
        for (const int64_t steps : {1, 4}) {
          Case<float> c(s, a, in, steps, random, reals);
          compare<float>("recur_f32", table.recur_f32, c);
        }
        Case<float> special(s, a, in, 3, random, specials);
        compare<float>("recur_f32 of special values", table.recur_f32, special);
        compare_update(table, special, s.padded(random.specials(s.units())));
        Case<double> wide(s, a, in, 3, random, doubles);
        compare<double>("recur_f64", table.recur_f64, wide);
      }
    }
  }
  for (const Activation a : {Activation::linear, Activation::relu, Activation::modrelu, Activation::sign}) {
    not_a_number(table, a);
  }
  const std::vector<float> expected = tiny_gradient();
  check(expected[0] > 0, "denormal gradients are not zero");
  const FlushToZero caller;
  check_same("sums over a batch, caller flushes to zero", tiny_gradient().data(), expected.data(), 16);
}

}  // namespace hadamrnn::test
