// The dense products around the recurrence, each against its one order of additions.
#include <limits>

#include "check.hpp"
#include "data.hpp"
#include "naive.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

using Draw = std::vector<float> (*)(Random&, int64_t);
std::vector<float> reals(Random& random, int64_t n) { return random.reals<float>(n); }
std::vector<float> specials(Random& random, int64_t n) { return random.specials(n); }

// v_i = ((w_i0 x_0 + w_i1 x_1) + ...) + b_i
void project(const KernelTable& table, Random& random, Draw draw, int64_t d, int64_t n, int64_t count) {
  const std::vector<float> weight = draw(random, d * n), bias = draw(random, n), x = draw(random, count * d);
  std::vector<float> expected;
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t i = 0; i < n; ++i) {
      float sum = weight[size_t(i)] * x[size_t(r * d)];
      for (int64_t j = 1; j < d; ++j) sum = sum + weight[size_t(j * n + i)] * x[size_t(r * d + j)];
      expected.push_back(sum + bias[size_t(i)]);
    }
  }
  std::vector<float> panels;  // of 16 units
  for (int64_t i = 0; i < n; i += 16) {
    for (int64_t j = 0; j < d; ++j)
      panels.insert(panels.end(), &weight[size_t(j * n + i)], &weight[size_t(j * n + i)] + 16);
  }
  Unaligned<float> w(panels), b(bias), in(x), out(count * n);
  table.project_f32(w.data(), b.data(), in.data(), d, n, count, InputActivation::linear, out.data());
  const std::string what = "project_f32 " + std::to_string(d) + " to " + std::to_string(n);
  check_same(what, out.data(), expected.data(), count * n);
  check(out.intact(), what + " keeps to its memory");
}

// Sixteen partial sums, from zero, folded in half four times, then the bias.
void readout(const KernelTable& table, Random& random, Draw draw, int64_t n, int64_t o, int64_t count) {
  const std::vector<float> weight = draw(random, o * n), bias = draw(random, o), h = draw(random, count * n);
  std::vector<float> expected;
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t k = 0; k < o; ++k) {
      float p[16] = {};
      for (int64_t j = 0; j < n; ++j) {
        const float z = h[size_t(r * n + j)];
        p[j % 16] = p[j % 16] + relu(z) * weight[size_t(k * n + j)];
      }
      for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) p[i] = p[i] + p[i + half];
      }
      expected.push_back(p[0] + bias[size_t(k)]);
    }
  }
  Unaligned<float> w(weight), b(bias), in(h), out(count * o);
  table.readout_f32(w.data(), b.data(), in.data(), n, o, count, out.data());
  const std::string what = "readout_f32 " + std::to_string(n) + " to " + std::to_string(o);
  check_same(what, out.data(), expected.data(), count * o);
  check(out.intact(), what + " keeps to its memory");
}

// Threshold by threshold: sums of relu(h - theta), then of [h > theta]; or running means of them.
template <class T>
void add_steps(const Pooling<T>& p, const std::vector<T>& h, const std::vector<T>& thresholds, int64_t steps,
               std::vector<T>& sums) {
  const int64_t n = p.size;
  for (int64_t t = 0; t < steps; ++t) {
    const auto add = [&](int64_t at, T f) {
      T& sum = sums[size_t(at)];
      sum = p.rate != 0 ? T(sum + T(T(f - sum) * p.rate)) : T(sum + f);
    };
    int64_t group = 0;
    for (int64_t k = 0; k < p.thresholds; ++k) {
      for (int64_t j = 0; j < n; ++j) {
        const T z = T(h[size_t(t * n + j)] - thresholds[size_t(k * n + j)]);
        if (p.excess) add(group * n + j, relu(z));
        if (p.share) add((group + p.excess) * n + j, z > 0 ? T(1) : z <= 0 ? T(0) : z);
      }
      group += p.excess + p.share;
    }
  }
}

// After the steps of `before`, those of h.
template <class T>
void pool(void (*kernel)(const Pooling<T>&, const T*, int64_t, T*), Pooling<T> p, const std::vector<T>& before,
          const std::vector<T>& h, const std::vector<T>& thresholds, int64_t steps) {
  std::vector<T> expected(size_t(p.thresholds * p.size * (p.excess + p.share)), T(0));
  add_steps(p, before, thresholds, steps, expected);
  Unaligned<T> in(h), total(expected), theta(thresholds);
  add_steps(p, h, thresholds, steps, expected);
  p.threshold = theta.data();
  kernel(p, in.data(), steps, total.data());
  const std::string what = "pool over " + std::to_string(steps) + " steps of " + std::to_string(p.size);
  check_same(what, total.data(), expected.data(), int64_t(expected.size()));
  check(total.intact(), what + " keeps to its memory");
}

void pools(const KernelTable& table, Random& random, Draw draw, int64_t n, int64_t steps) {
  for (const int64_t k : {1, 3}) {
    for (const int features : {1, 2, 3}) {
      const bool excess = features & 1, share = features & 2;
      for (const float rate : {0.0f, 0.125f}) {
        pool<float>(table.pool_f32, {n, k, excess, share, rate, nullptr}, draw(random, steps * n),
                    draw(random, steps * n), draw(random, k * n), steps);
      }
      pool<int32_t>(table.pool_i32, {n, k, excess, share, 0, nullptr}, random.integers<int32_t>(steps * n, -1000, 1000),
                    random.integers<int32_t>(steps * n, -1000, 1000), random.integers<int32_t>(k * n, -500, 500),
                    steps);
    }
  }
}

// out = sums / steps, one rounding each.
void means(const KernelTable& table, Random& random, Draw draw, int64_t n, int64_t steps) {
  const std::vector<float> sums = draw(random, n);
  std::vector<float> expected;
  for (const float sum : sums) expected.push_back(sum / float(steps));
  Unaligned<float> in(sums), out(n);
  table.means_f32(in.data(), n, float(steps), out.data());
  check_same("means of " + std::to_string(n) + " over " + std::to_string(steps), out.data(), expected.data(), n);
  check(out.intact(), "means keep to their memory");
}

// ((0 + w_i0 x_0) + w_i1 x_1) + ...
void dense(const KernelTable& table, Random& random, Draw draw, int64_t columns, int64_t n) {
  const std::vector<float> weight = draw(random, columns * n), x = draw(random, columns);
  std::vector<float> expected(size_t(n), 0.0f);
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < n; ++i)
      expected[size_t(i)] = expected[size_t(i)] + weight[size_t(j * n + i)] * x[size_t(j)];
  }
  Unaligned<float> w(weight), in(x), out(n);
  table.dense_f32(w.data(), in.data(), columns, n, out.data());
  const std::string what = "dense_f32 " + std::to_string(columns) + " to " + std::to_string(n);
  check_same(what, out.data(), expected.data(), n);
  check(out.intact(), what + " keeps to its memory");
}

// One number at a time that is not finite, wherever it stands.
void finite(const KernelTable& table, Random& random, int64_t n) {
  const float infinity = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();
  Unaligned<float> x(reals(random, n));
  const std::string what = "finite_f32 of " + std::to_string(n);
  check(table.finite_f32(x.data(), n), what);
  for (int64_t i = 0; i < n; ++i) {
    const float before = x.data()[i];
    for (const float fine : {largest, -largest, -0.0f, std::numeric_limits<float>::denorm_min()}) {
      x.data()[i] = fine;
      check(table.finite_f32(x.data(), n), what + " with " + show(fine));
    }
    for (const float wrong : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
      x.data()[i] = wrong;
      check(!table.finite_f32(x.data(), n), what + " finds " + show(wrong) + " at " + std::to_string(i));
    }
    x.data()[i] = before;
  }
}

}  // namespace

void test_linear(const KernelTable& table) {
  Random random;
  for (const int64_t n : {0, 16, 32, 48, 80}) finite(table, random, n);
  for (const Draw draw : {reals, specials}) {
    for (const int64_t n : {16, 48, 64, 240}) {
      for (const int64_t count : {1, 2, 3, 4, 5, 6, 7, 8, 9}) {
        for (const int64_t d : {1, 2, 3, 7, 9, 31, 32, 33}) project(table, random, draw, d, n, count);
      }
      for (const int64_t count : {1, 2}) {
        pools(table, random, draw, n, count);
        means(table, random, draw, n, count);
        for (const int64_t o : {1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 17}) readout(table, random, draw, n, o, count);
      }
      for (const int64_t columns : {1, 2, 16, 33}) dense(table, random, draw, columns, n);
    }
  }
}

}  // namespace hadamrnn::test
