// Back through the recurrence: three kernels, float and double, against plain loops in double.
#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "data.hpp"
#include "naive.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

using Doubles = std::vector<double>;

template <class T>
Doubles widen(const std::vector<T>& x) {
  return Doubles(x.begin(), x.end());
}

// Everything that a backward kernel reads and writes, (steps, n) or (n).
template <class T>
struct Arrays {
  std::vector<T> core, su, h0, h, grad, carry;
  std::vector<T> dsu, dmodrelu, dv, scratch;

  Arrays(const Blocks& s, int64_t steps, Random& random)
      : core(random.signs<T>(s.base * s.base)),
        su(s.padded(random.reals<T>(s.units()))),
        h0(s.padded(random.reals<T>(s.units()))),
        carry(s.padded(random.reals<T>(s.units()))),
        dsu(s.padded(random.reals<T>(s.units()))),
        dmodrelu(s.padded(random.reals<T>(s.units()))),
        dv(size_t(steps * s.size())),
        scratch(size_t(3 * s.size())) {
    for (int64_t t = 0; t < steps; ++t) {
      std::vector<T> state = random.reals<T>(s.units());
      for (T& x : state) x = random.integer(0, 3) == 0 ? T(0) : x;  // units that are off
      for (const T x : s.padded(state)) h.push_back(x);
      for (const T x : s.padded(random.reals<T>(s.units()))) grad.push_back(x);
    }
  }
};

enum class Kind { recur, powers, rows };

// The same sums in double: dz = act'(z) (grad + carry), carry = H^T (su dz), ...
template <class T>
struct Expected {
  Doubles carry, dsu, dmodrelu, dv;

  Expected(const Blocks& s, const Arrays<T>& a, Activation activation, Kind kind, bool start, bool grad, int64_t steps)
      : carry(widen(a.carry)), dsu(widen(a.dsu)), dmodrelu(widen(a.dmodrelu)), dv(a.dv.size()) {
    const size_t n = size_t(s.size());
    const Doubles core = widen(a.core), h = widen(a.h), h0 = widen(a.h0);
    for (size_t t = size_t(steps); t-- > 0;) {
      Doubles scaled(n);
      const bool first = t == 0;
      const Doubles product = transform(s, core, first ? h0.data() : &h[(t - 1) * n], false);
      for (size_t j = 0; j < n; ++j) {
        double dz = (grad ? double(a.grad[t * n + j]) : 0) + carry[j];
        const double state = h[t * n + j], sign = state > 0 ? 1 : state < 0 ? -1 : 0;
        if (activation == Activation::relu) dz = state > 0 ? dz : 0;
        if (activation == Activation::modrelu) {
          dmodrelu[j] += dz * sign;
          dz *= sign * sign;
        }
        dv[t * n + j] = dz;
        if (kind == Kind::recur && (!first || start)) dsu[j] += dz * product[j];
        if (kind == Kind::powers) dsu[j] += dz * state;
        scaled[j] = double(a.su[j]) * dz;
      }
      carry = transform(s, core, scaled.data(), true);
    }
  }
};

template <class T>
void compare(const std::string& name, void (*kernel)(const RecurBack<T>&, int64_t), Kind kind, const Blocks& s,
             Activation activation, bool start, bool grad, int64_t steps) {
  Random random(uint64_t(s.size() + int64_t(activation)));
  Arrays<T> a(s, steps, random);
  const Expected<T> expected(s, a, activation, kind, start, grad, steps);
  std::vector<T> transposed(a.core.size());
  for (int64_t i = 0; i < s.base * s.base; ++i)
    transposed[size_t(i % s.base * s.base + i / s.base)] = a.core[size_t(i)];

  RecurBack<T> p{};
  p.geometry = {s.row(), s.log2, s.base, a.core.data(), transposed.data()};
  p.activation = activation;
  p.su = a.su.data();
  p.h0 = start ? a.h0.data() : nullptr;
  p.h = a.h.data();
  p.grad_h = grad ? a.grad.data() : nullptr;
  p.dv = kind == Kind::powers ? nullptr : a.dv.data();
  p.carry = a.carry.data();
  p.dsu = kind == Kind::rows ? nullptr : a.dsu.data();
  p.dmodrelu = activation == Activation::modrelu ? a.dmodrelu.data() : nullptr;
  p.scratch = a.scratch.data();
  kernel(p, steps);

  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  const std::string what = name + " activation " + std::to_string(int(activation)) + " q=" + std::to_string(s.q) +
                           " base=" + std::to_string(s.base) + " log2=" + std::to_string(s.log2);
  check_close(what + " carry", a.carry.data(), expected.carry.data(), s.size(), tolerance);
  if (p.dsu) check_close(what + " dsu", a.dsu.data(), expected.dsu.data(), s.size(), tolerance);
  if (p.dmodrelu) check_close(what + " dmodrelu", a.dmodrelu.data(), expected.dmodrelu.data(), s.size(), tolerance);
  if (p.dv) check_close(what + " dv", a.dv.data(), expected.dv.data(), steps * s.size(), tolerance);
}

// What is NaN in the state has no derivative that is a number.
void not_a_number(const KernelTable& table, Activation activation) {
  const float nan = std::nanf("");
  std::vector<float> su(16, 1.0f), h(16, 1.0f), dv(16), carry(16, nan), dmodrelu(16), dsu(16), scratch(48),
      core(1, 1.0f);
  h[3] = nan;
  RecurBack<float> p{};
  p.geometry = {16, 0, 1, core.data(), core.data()};
  p.activation = activation;
  p.su = su.data();
  p.h = h.data();
  p.dv = dv.data();
  p.carry = carry.data();
  p.dsu = dsu.data();
  p.dmodrelu = dmodrelu.data();
  p.scratch = scratch.data();
  table.back_rows_f32(p, 1);
  check(std::isnan(dv[3]) && std::isnan(dv[4]), "back_rows_f32 of NaN, activation " + std::to_string(int(activation)));
  const std::vector<float> none(16, 0.0f);
  p.grad_h = none.data();
  p.limit = 8;
  std::fill(carry.begin(), carry.end(), nan);
  table.recur_back_f32(p, 1);
  check(std::isnan(dv[3]) && std::isnan(dv[4]), "recur_back_f32 of NaN, activation " + std::to_string(int(activation)));
}

}  // namespace

void test_backward(const KernelTable& table) {
  for (const Activation a : {Activation::linear, Activation::relu, Activation::modrelu, Activation::sign}) {
    not_a_number(table, a);
  }
  const Blocks shapes[] = {{3, 0, 1}, {3, 3, 1}, {1, 6, 1}, {1, 9, 1}, {3, 0, 12}, {1, 2, 20}, {2, 0, 28}};
  for (const Blocks& s : shapes) {
    for (const Activation a : {Activation::linear, Activation::relu, Activation::modrelu, Activation::sign}) {
      for (const bool start : {false, true}) {
        for (const int64_t steps : {1, 3}) {
          compare<float>("recur_back_f32", table.recur_back_f32, Kind::recur, s, a, start, true, steps);
          compare<double>("recur_back_f64", table.recur_back_f64, Kind::recur, s, a, start, true, steps);
          compare<float>("back_rows_f32", table.back_rows_f32, Kind::rows, s, a, true, start, steps);
        }
      }
    }
    compare<float>("powers_back_f32", table.powers_back_f32, Kind::powers, s, Activation::linear, true, true, 3);
    compare<double>("powers_back_f64", table.powers_back_f64, Kind::powers, s, Activation::linear, true, true, 3);
  }
}

}  // namespace hadamrnn::test
