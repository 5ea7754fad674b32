// The integer recurrence and its dense products against 64-bit arithmetic, one operation after another.
#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "data.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

using Ints = std::vector<int32_t>;

struct Shape {
  int64_t row;
  int32_t log2, base;
};

// I (x) H as the storage order has it, by the definition of its entries.
std::vector<int64_t> transformed(const Shape& s, const std::vector<int32_t>& core, const Ints& z) {
  std::vector<int64_t> rows(z.size()), out(z.size());
  const int64_t power = int64_t(1) << s.log2;
  for (int64_t j = 0; j < int64_t(z.size()); ++j) {
    const int64_t block = j / power * power;
    for (int64_t a = 0; a < power; ++a) {
      int64_t both = a & (j - block), sign = 1;
      for (; both != 0; both &= both - 1) sign = -sign;
      rows[size_t(j)] += sign * z[size_t(block + a)];
    }
  }
  if (s.base == 1) return rows;
  for (int64_t b = 0; b < s.base; ++b) {
    for (int64_t c = 0; c < s.base; ++c) {
      for (int64_t j = 0; j < s.row; ++j) {
        out[size_t(b * s.row + j)] += core[size_t(b * s.base + c)] * rows[size_t(c * s.row + j)];
      }
    }
  }
  return out;
}

int64_t activated(Activation activation, int64_t z, int64_t threshold, int64_t low, int64_t high) {
  if (activation == Activation::sign) return z >= 0 ? 1 : -1;
  if (activation == Activation::modrelu) {
    const int64_t magnitude = std::max<int64_t>((z < 0 ? -z : z) + threshold, 0);
    z = z < 0 ? -magnitude : z > 0 ? magnitude : 0;
  }
  return std::clamp(z, low, high);
}

enum class Input { feature, tokens, rows };

void recur(const KernelTable& table, Random& random, const Shape& shape, Activation activation, Input input,
           IntegerLanes lanes, bool narrow = false) {
  constexpr int64_t steps = 5, tokens = 7;
  const int64_t n = shape.row * shape.base;
  const bool sign = activation == Activation::sign;
  // In 16 bits as many for the state as H z leaves.
  const int32_t high = sign     ? 1
                       : narrow ? (1 << (14 - shape.log2)) - 1
                                : 2047,
                low = activation == Activation::relu ? 0 : -high - 1;
  const bool wide = lanes == IntegerLanes::wide, halves = lanes == IntegerLanes::halves;
  // In 32 bits the sums below have room for 12 bits of fraction where M_h is not a power of two, and for 28 of the
  // input.
  const int32_t fraction_bits = int32_t(random.integer(wide ? 12 : 24, wide ? 30 : 28));
  const int32_t shift = halves ? fraction_bits - 12 : int32_t(random.integer(0, 8));
  const Ints core = random.signs<int32_t>(shape.base * shape.base), signs = random.signs<int32_t>(n);
  const int32_t root = int32_t(int64_t(1) << fraction_bits >> (shape.log2 / 2));
  const int32_t multiplier = halves ? root - root / 3 : root;
  const int32_t spare = wide ? 30 - fraction_bits : 3;
  const Ints beta = random.integers<int32_t>(n, INT32_MIN >> spare, INT32_MAX >> spare);
  const Ints threshold = random.integers<int32_t>(n, -50, 50);
  const Ints z0 = sign ? random.signs<int32_t>(n) : random.integers<int32_t>(n, low, high);
  const std::vector<int8_t> codes = random.integers<int8_t>(tokens * n, -128, 127);
  const Ints x = random.integers<int32_t>(steps, -255, 255), ids = random.integers<int32_t>(steps, 0, tokens - 1);
  const int32_t scale = INT32_MAX / 256 >> (wide ? spare : 11);
  const Ints scales = random.integers<int32_t>(tokens, 0, scale);
  Ints sums = random.integers<int32_t>(steps * n, -9999, 9999);

  Ints z = z0, expected;
  for (int64_t t = 0; t < steps; ++t) {
    const std::vector<int64_t> acc = transformed(shape, core, z);
    for (int64_t j = 0; j < n; ++j) {
      const int64_t product = input == Input::feature ? int64_t(codes[size_t(j)]) * x[size_t(t)] * scale
                              : input == Input::tokens
                                  ? int64_t(codes[size_t(ids[size_t(t)] * n + j)]) * scales[size_t(ids[size_t(t)])]
                                  : int64_t(sums[size_t(t * n + j)]) * scale;
      const int64_t total =
          acc[size_t(j)] * signs[size_t(j)] * multiplier + (product + beta[size_t(j)]) * (int64_t(1) << shift);
      const int64_t rounded = (total + (int64_t(1) << (fraction_bits - 1))) >> fraction_bits;
      z[size_t(j)] = int32_t(activated(activation, rounded, threshold[size_t(j)], low, high));
    }
    expected.insert(expected.end(), z.begin(), z.end());
  }

  Ints units = signs, bias = beta;
  IntegerSum sum{lanes, fraction_bits, shift, 0, nullptr, nullptr, nullptr, 0};
  int32_t unit = wide ? multiplier : 1;
  if (lanes == IntegerLanes::shifts) {
    sum.shift = shape.log2 / 2;
    sum.input_shift = fraction_bits - sum.shift - shift;
  }
  if (halves) {
    int32_t left = 30 - shape.log2 - (sign ? 0 : 11);  // acc has room for these bits
    for (int32_t base = shape.base; base > 1; base /= 2) --left;
    left = std::min(left, 32 - shift);
    unit = int32_t(1) << left;
    sum.shift = 12;
    sum.factor = multiplier << (32 - shift - left);
  }
  for (int32_t& u : units) u *= unit;
  for (int32_t& b : bias) b = wide ? b ^ INT32_MIN : b + (1 << (fraction_bits - 1 - shift));
  // The weights of one input are a row of integers of 32 bits.
  if (input == Input::feature) std::copy_n(codes.begin(), n, sums.begin());
  Unaligned<int32_t> m(units), b(bias), a(threshold), in(z0), out(steps * n), scratch(n), rows(sums), last(n);
  Unaligned<int8_t> c(codes);
  sum.units = m.data();
  sum.bias = b.data();
  Unaligned<int16_t> short_signs(n);
  if (narrow) {
    table.shorten_i32(signs.data(), n, short_signs.data());
    sum.signs = short_signs.data();
    sum.short_factor = multiplier << (16 - shift);
  }
  IntegerRecur p{};
  p.geometry = {shape.row, shape.log2, shape.base, core.data(), core.data()};
  p.activation = activation;
  p.sum = sum;
  p.modrelu = a.data();
  p.low = low;
  p.high = high;
  p.input_multiplier = scale;
  p.scratch = scratch.data();
  p.in = in.data();
  p.out = out.data();
  p.stride = n;
  if (input == Input::feature) p.x = x.data();
  if (input == Input::tokens) p.codes = c.data();
  if (input == Input::tokens) p.ids = ids.data();
  if (input == Input::tokens) p.multipliers = scales.data();
  if (input != Input::tokens) p.rows = rows.data();
  const std::string what = "recur_i32 " + std::to_string(n) + " activation " + std::to_string(int(activation)) +
                           " input " + std::to_string(int(input)) + " lanes " + std::to_string(int(lanes)) +
                           (narrow ? " of 16 bits" : "");
  table.recur_i32(p, steps);
  check_same(what, out.data(), expected.data(), steps * n);
  check(out.intact(), what + " keeps to its memory");

  p.stride = 0;
  p.out = last.data();
  table.recur_i32(p, steps);
  check_same(what + ", the last state", last.data(), &expected[size_t((steps - 1) * n)], n);

  const std::vector<int64_t> acc = transformed(shape, core, Ints(expected.begin(), expected.begin() + n));
  Unaligned<int32_t> product(Ints(acc.begin(), acc.end()));
  table.update_i32(p, product.data(), 1, last.data());
  check_same(what + ", update_i32", last.data(), &expected[size_t(n)], n);
  check(last.intact(), what + " update keeps to its memory");
}

void products(const KernelTable& table, Random& random, int64_t d, int64_t n, int64_t count) {
  const std::vector<int8_t> codes = random.integers<int8_t>(d * n, -128, 127);
  const Ints x = random.integers<int32_t>(count * d, -32768, 32767), bias = random.integers<int32_t>(d, -9999, 9999);
  const Ints z = random.integers<int32_t>(count * n, -2048, 2047);
  Ints rows, logits;
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t i = 0; i < n; ++i) {
      int32_t sum = 0;
      for (int64_t j = 0; j < d; ++j) sum += codes[size_t(j * n + i)] * x[size_t(r * d + j)];
      rows.push_back(sum);
    }
    for (int64_t k = 0; k < d; ++k) {
      int32_t sum = bias[size_t(k)];
      for (int64_t i = 0; i < n; ++i) sum += codes[size_t(k * n + i)] * std::max(z[size_t(r * n + i)], 0);
      logits.push_back(sum);
    }
  }
  Unaligned<int8_t> c(codes);
  Unaligned<int32_t> in(x), states(z), b(bias), projected(count * n), y(count * d);
  const std::string what = std::to_string(d) + " x " + std::to_string(n);
  table.project_i32(c.data(), in.data(), d, n, count, projected.data());
  check_same("project_i32 " + what, projected.data(), rows.data(), count * n);
  check(projected.intact(), "project_i32 " + what + " keeps to its memory");
  table.readout_i32(c.data(), b.data(), states.data(), n, d, count, y.data());
  check_same("readout_i32 " + what, y.data(), logits.data(), count * d);
  check(y.intact(), "readout_i32 " + what + " keeps to its memory");
}

// Running means as features, and what a readout of integers makes of them; the largest numbers that there are.
void features(const KernelTable& table, Random& random, int64_t n, int64_t o, bool extreme) {
  const int32_t shift = 7, offset = 1 << 15;
  const Ints means = random.integers<int32_t>(n, 0, (1 << 23) - 1);
  const std::vector<float> scale = random.reals<float>(n);
  const std::vector<int16_t> states = random.integers<int16_t>(n, -32768, 32767);
  std::vector<int16_t> codes = random.integers<int16_t>(o * n, -128, 127), shorts, x;
  std::vector<float> floats;
  for (int64_t j = 0; j < n; ++j) {
    const int32_t mean = means[size_t(j)] >> shift;
    shorts.push_back(int16_t(mean - offset));
    floats.push_back(float(mean) * scale[size_t(j)]);
  }
  x = extreme ? std::vector<int16_t>(size_t(n), -32768) : shorts;
  if (extreme) std::fill(codes.begin(), codes.end(), int16_t(-128));
  std::vector<int64_t> sums;
  for (int64_t k = 0; k < o; ++k) {
    int64_t sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += int64_t(codes[size_t(k * n + j)]) * x[size_t(j)];
    sums.push_back(sum);
  }
  const std::string what = std::to_string(o) + " of " + std::to_string(n);
  Unaligned<int32_t> in(means), wide(n);
  Unaligned<int16_t> z(states), features(x), c(codes), out(n);
  Unaligned<float> unit(scale), real(n);
  Unaligned<int64_t> y(o);
  table.widen_i16(z.data(), n, wide.data());
  check_same("widen_i16 " + what, wide.data(), Ints(states.begin(), states.end()).data(), n);
  table.short_features_i32(in.data(), n, shift, out.data());
  check_same("short_features_i32 " + what, out.data(), shorts.data(), n);
  table.float_features_i32(in.data(), n, shift, unit.data(), real.data());
  check_same("float_features_i32 " + what, real.data(), floats.data(), n);
  table.readout_i16(c.data(), features.data(), n, o, y.data());
  check_same("readout_i16 " + what, y.data(), sums.data(), o);
  check(wide.intact() && out.intact() && real.intact() && y.intact(), "features " + what + " keep to their memory");
}

// Halves go to the even number, and what is beyond the ends to them.
void quantized(const KernelTable& table, Random& random, int64_t count) {
  std::vector<float> x = random.reals<float>(count);
  const float scale = 0.125f;
  Ints expected;
  for (int64_t j = 0; j < count; ++j) {
    float& v = x[size_t(j)];
    v = j % 5 == 0 ? scale * (float(j) + 0.5f) : j % 7 == 0 ? v * 1e30f : v;
    expected.push_back(int32_t(std::clamp(std::nearbyint(v / scale), -15.0f, 15.0f)));
  }
  Unaligned<float> in(x);
  Unaligned<int32_t> q(count);
  table.quantize_f32(in.data(), count, scale, -15, 15, q.data());
  check_same("quantize_f32 of " + std::to_string(count), q.data(), expected.data(), count);
  check(q.intact(), "quantize_f32 keeps to its memory");
}

}  // namespace

void test_integer(const KernelTable& table) {
  Random random;
  for (const int64_t n : {32, 96, 384, 20480}) {
    for (const int64_t o : {1, 4, 11}) features(table, random, n, o, n > 10000);
  }
  for (const int64_t count : {1, 3, 16, 31, 64, 65}) quantized(table, random, count);
  for (const Shape& shape : {Shape{16, 0, 1}, Shape{48, 3, 1}, Shape{64, 6, 1}, Shape{512, 9, 1}, Shape{2048, 11, 1},
                             Shape{16, 1, 12}, Shape{32, 4, 20}}) {
    for (const Activation activation : {Activation::linear, Activation::relu, Activation::modrelu, Activation::sign}) {
      for (const Input input : {Input::feature, Input::tokens, Input::rows}) {
        for (const IntegerLanes lanes : {IntegerLanes::wide, IntegerLanes::shifts, IntegerLanes::halves})
          recur(table, random, shape, activation, input, lanes);
      }
    }
  }
  for (const int32_t log2 : {3, 4, 5, 6, 7}) {
    for (const Activation activation : {Activation::linear, Activation::relu}) {
      for (const Input input : {Input::feature, Input::tokens, Input::rows}) {
        recur(table, random, {384, log2, 1}, activation, input, IntegerLanes::halves, true);
        recur(table, random, {128, log2, 1}, activation, input, IntegerLanes::halves, true);
      }
    }
  }
  for (const int64_t d : {1, 3, 10}) {
    for (const int64_t n : {16, 48, 512}) products(table, random, d, n, 3);
  }
}

}  // namespace hadamrnn::test
