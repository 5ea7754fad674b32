// The passes of training beside the recurrence, against plain loops in double.
#include "check.hpp"
#include "data.hpp"
#include "naive.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
constexpr double tolerance = 1e-5;

Doubles widen(const Floats& x) { return Doubles(x.begin(), x.end()); }
std::string sizes(int64_t n, int64_t count, int64_t steps) {
  return " n=" + std::to_string(n) + " count=" + std::to_string(count) + " steps=" + std::to_string(steps);
}

// Sums over time of dv z, and of dv and dv x if there are so many.
void accumulate(const KernelTable& table, Random& random, int sums, int64_t n, int64_t steps) {
  const Floats dv = random.reals<float>(steps * n), z = random.reals<float>(steps * n), x = random.reals<float>(steps);
  Floats dsum = random.reals<float>(n), dbias = random.reals<float>(n), dweight = random.reals<float>(n);
  Doubles sum = widen(dsum), sum_bias = widen(dbias), sum_weight = widen(dweight);
  for (size_t t = 0; t < size_t(steps); ++t) {
    for (size_t j = 0; j < size_t(n); ++j) {
      const size_t at = t * size_t(n) + j;
      sum[j] += double(dv[at]) * double(z[at]);
      if (sums > 1) sum_bias[j] += double(dv[at]);
      if (sums > 2) sum_weight[j] += double(dv[at]) * double(x[t]);
    }
  }
  table.accumulate_f32({n, dv.data(), z.data(), x.data(), dsum.data(), sums > 1 ? dbias.data() : nullptr,
                        sums > 2 ? dweight.data() : nullptr},
                       steps);
  check_close("accumulate_f32 dsum" + sizes(n, sums, steps), dsum.data(), sum.data(), n, tolerance);
  check_close("accumulate_f32 dbias" + sizes(n, sums, steps), dbias.data(), sum_bias.data(), n, tolerance);
  check_close("accumulate_f32 dweight" + sizes(n, sums, steps), dweight.data(), sum_weight.data(), n, tolerance);
}

void scatter(const KernelTable& table, Random& random, int64_t n, int64_t steps) {
  const Floats dv = random.reals<float>(steps * n);
  const std::vector<int32_t> ids = random.integers<int32_t>(steps, 0, 2);
  Floats rows = random.reals<float>(3 * n);
  Doubles expected = widen(rows);
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t j = 0; j < n; ++j) expected[size_t(ids[size_t(t)] * n + j)] += double(dv[size_t(t * n + j)]);
  }
  table.scatter_rows_f32(dv.data(), ids.data(), n, steps, rows.data());
  check_close("scatter_rows_f32" + sizes(n, 3, steps), rows.data(), expected.data(), 3 * n, tolerance);
}

// Where (t, k) of (steps, count) numbers lies: by step, or by output with a gap after each.
struct Place {
  int64_t step, stride;
  static Place by_step(int64_t count) { return {count, 1}; }
  static Place by_output(int64_t steps) { return {1, steps + 3}; }
  size_t operator()(int64_t t, int64_t k) const { return size_t(t * step + k * stride); }
};

// out_k += sum_t a_tk f(b_t)
void outer(const KernelTable& table, Random& random, int64_t n, int64_t count, int64_t steps, Place place,
           bool rectify) {
  const Floats a = random.reals<float>((steps + 3) * count), b = random.reals<float>(steps * n);
  Floats out = random.reals<float>(count * n);
  Doubles expected = widen(out);
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t j = 0; j < n; ++j) {
        const double x = double(b[size_t(t * n + j)]);
        expected[size_t(k * n + j)] += double(a[place(t, k)]) * (rectify && x < 0 ? 0 : x);
      }
    }
  }
  table.outer_f32(a.data(), place.step, place.stride, b.data(), n, count, steps, rectify, out.data());
  check_close("outer_f32" + sizes(n, count, steps), out.data(), expected.data(), count * n, tolerance);
}

// y_t = weight relu(h_t) + bias
void logits(const KernelTable& table, Random& random, int64_t n, int64_t o, int64_t steps) {
  const Floats weight = random.reals<float>(o * n), bias = random.reals<float>(o), h = random.reals<float>(steps * n);
  const Place place = Place::by_output(steps);
  Unaligned<float> y((o - 1) * place.stride + steps);
  Floats got;
  Doubles expected;
  table.logits_f32(weight.data(), bias.data(), h.data(), n, o, steps, y.data(), place.stride);
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t k = 0; k < o; ++k) {
      double sum = double(bias[size_t(k)]);
      for (int64_t j = 0; j < n; ++j) {
        const double z = double(h[size_t(t * n + j)]);
        sum += double(weight[size_t(k * n + j)]) * (z > 0 ? z : 0);
      }
      got.push_back(y.data()[place(t, k)]);
      expected.push_back(sum);
    }
  }
  check_close("logits_f32" + sizes(n, o, steps), got.data(), expected.data(), steps * o, tolerance);
  check(y.intact(), "logits_f32 keeps to its memory");
}

// grad_t = relu'(h_t) (weight^T dy_t)
void readout_back(const KernelTable& table, Random& random, int64_t n, int64_t o, int64_t steps) {
  const Floats weight = random.reals<float>(o * n), h = random.reals<float>(steps * n);
  const Place place = Place::by_output(steps);
  const Floats dy = random.reals<float>(o * place.stride);
  Doubles expected(size_t(steps * n));
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t k = 0; k < o; ++k) {
      for (int64_t j = 0; j < n; ++j) {
        const double w = h[size_t(t * n + j)] > 0 ? double(weight[size_t(k * n + j)]) : 0;
        expected[size_t(t * n + j)] += w * double(dy[place(t, k)]);
      }
    }
  }
  Unaligned<float> grad(steps * n);
  table.readout_back_f32(weight.data(), h.data(), dy.data(), place.stride, n, o, steps, grad.data());
  check_close("readout_back_f32" + sizes(n, o, steps), grad.data(), expected.data(), steps * n, tolerance);
  check(grad.intact(), "readout_back_f32 keeps to its memory");
}

// Gradients of the states and thresholds of a pool, in the order of golden: excess, then share, of each threshold.
void pool_back(const KernelTable& table, Random& random, int64_t n, int64_t thresholds, int64_t steps, bool excess,
               bool share) {
  const int64_t groups = thresholds * (excess + share);
  const Floats theta = random.reals<float>(thresholds * n), grad = random.reals<float>(groups * n);
  const Floats weight = random.reals<float>(steps), h = random.reals<float>(steps * n);
  Floats dthreshold = random.reals<float>(thresholds * n);
  Doubles expected(size_t(steps * n)), sums = widen(dthreshold);
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t k = 0; k < thresholds; ++k) {
      for (int64_t j = 0; j < n; ++j) {
        const double z = double(h[size_t(t * n + j)]) - double(theta[size_t(k * n + j)]);
        const int64_t group = k * (excess + share);
        double d = 0;
        if (excess && z > 0) d += double(grad[size_t(group * n + j)]);
        if (share) d += double(grad[size_t((group + excess) * n + j)]) / (2 * (1 + std::fabs(z)) * (1 + std::fabs(z)));
        d *= double(weight[size_t(t)]);
        expected[size_t(t * n + j)] += d;
        sums[size_t(k * n + j)] -= d;
      }
    }
  }
  const Pooling<float> pool{n, thresholds, excess, share, 0, theta.data()};
  for (const bool learned : {false, true}) {
    Unaligned<float> found(steps * n);
    table.pool_back_f32({pool, grad.data(), weight.data(), learned ? dthreshold.data() : nullptr}, h.data(), steps,
                        found.data());
    check_close("pool_back_f32" + sizes(n, thresholds, steps), found.data(), expected.data(), steps * n, tolerance);
    check(found.intact(), "pool_back_f32 keeps to its memory");
  }
  check_close("pool_back_f32 thresholds" + sizes(n, thresholds, steps), dthreshold.data(), sums.data(), thresholds * n,
              tolerance);
}

// exp(y - max y) over the outputs of each time step, divided by their sum; and that sum.
void softmax(const KernelTable& table, Random& random, int64_t o, int64_t steps, float spread) {
  const int64_t stride = steps + 16;
  Floats y = random.reals<float>(o * stride);
  for (float& v : y) v *= spread;
  Doubles expected, sums;
  Doubles peaks;
  for (int64_t t = 0; t < steps; ++t) {
    float top = y[size_t(t)];
    for (int64_t k = 1; k < o; ++k) top = std::fmax(top, y[size_t(k * stride + t)]);
    double sum = 0;
    for (int64_t k = 0; k < o; ++k) {
      expected.push_back(std::exp(double(y[size_t(k * stride + t)]) - double(top)));
      sum += expected.back();
    }
    for (int64_t k = 0; k < o; ++k) expected[size_t(t * o + k)] /= sum;
    peaks.push_back(double(top));
    sums.push_back(sum);
  }
  Unaligned<float> peak(steps), sum(steps);
  table.softmax_f32(y.data(), stride, o, steps, peak.data(), sum.data());
  Floats got;
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t k = 0; k < o; ++k) got.push_back(y[size_t(k * stride + t)]);
  }
  const std::string what = "softmax_f32" + sizes(o, o, steps);
  check_close(what, got.data(), expected.data(), o * steps, 3e-7);
  check_close(what + " sums", sum.data(), sums.data(), steps, 3e-7 * double(o));
  check_close(what + " peaks", peak.data(), peaks.data(), steps, 0);  // +0 and -0 are the same
  check(peak.intact() && sum.intact(), what + " keeps to its memory");
}

// A NaN must reach the loss, though relu and a maximum can hide one.
void not_a_number(const KernelTable& table) {
  const float nan = std::nanf("");
  Floats h(32, 1.0f), weight(32, 1.0f), y(2), logits(32, 0.0f), peak(16), sum(16);
  const Floats bias(2, 0.0f);
  h[3] = nan;
  table.logits_f32(weight.data(), bias.data(), h.data(), 16, 1, 2, y.data(), 2);
  check(std::isnan(y[0]) && y[1] == 16, "logits_f32 of NaN");
  logits[2] = logits[19] = nan;  // the first of two outputs, and the second
  table.softmax_f32(logits.data(), 16, 2, 16, peak.data(), sum.data());
  check(std::isnan(sum[2]) && std::isnan(sum[3]) && sum[4] == 2, "softmax_f32 of NaN");
  check(std::isnan(logits[2]) && std::isnan(logits[3]) && logits[4] == 0.5f, "softmax_f32 of NaN, probabilities");
  // The gradients of both rows, of which the first has a NaN in its state.
  const Floats one(2, 1.0f);
  Floats total(16, 0.0f), grad(32), loss(2, nan);
  table.outer_f32(one.data(), 1, 2, h.data(), 16, 1, 2, true, total.data());
  check(std::isnan(total[3]) && total[4] == 2, "outer_f32 of NaN");
  table.readout_back_f32(weight.data(), h.data(), loss.data(), 2, 16, 1, 2, grad.data());
  check(std::isnan(grad[3]) && std::isnan(grad[4]), "readout_back_f32 of NaN");
}

}  // namespace

void test_training(const KernelTable& table) {
  Random random;
  for (const int64_t n : {16, 80}) {
    for (const int64_t steps : {1, 4, 7}) {
      for (const int sums : {1, 2, 3}) accumulate(table, random, sums, n, steps);
      scatter(table, random, n, steps);
      for (const int64_t count : {1, 2, 3, 4, 9}) {
        for (const bool rectify : {false, true}) {
          outer(table, random, n, count, steps, Place::by_step(count), rectify);
          outer(table, random, n, count, steps, Place::by_output(steps), rectify);
        }
        logits(table, random, n, count, steps);
        readout_back(table, random, n, count, steps);
        for (const int kind : {1, 2, 3}) pool_back(table, random, n, count, steps, kind & 1, kind & 2);
      }
    }
  }
  not_a_number(table);
  for (const int64_t o : {1, 2, 9, 10}) {
    for (const float spread : {0.0f, 1.0f, 10.0f, 1000.0f}) softmax(table, random, o, 32, spread);
  }
}

}  // namespace hadamrnn::test
