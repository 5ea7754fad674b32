// The transforms of every element type, order and direction against plain loops.
#include "check.hpp"
#include "data.hpp"
#include "naive.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

template <class T>
using Transform = void (*)(const Geometry<T>&, const T*, T*, T*, int64_t, bool);

template <class T>
std::vector<T> transposed(const std::vector<T>& core, int64_t base) {
  std::vector<T> t(core.size());
  for (int64_t i = 0; i < base * base; ++i) t[size_t(i % base * base + i / base)] = core[size_t(i)];
  return t;
}

// Any matrix of +1 and -1 will do for the core; random ones are not symmetric.
template <class T>
void compare(const std::string& name, Transform<T> kernel, const Blocks& s, const std::vector<T>& core,
             const std::vector<T>& units) {
  const int64_t count = 2, n = s.size();
  std::vector<T> x = s.padded(units);
  x.insert(x.end(), x.rbegin(), x.rend());  // the second vector is the first backwards
  for (int64_t b = 0; b < s.base; ++b) {
    for (int64_t j = s.q * s.power(); j < s.row(); ++j) x[size_t(n + b * s.row() + j)] = T(0);
  }
  for (const bool transpose : {false, true}) {
    std::vector<T> expected;
    for (int64_t i = 0; i < count; ++i) {
      const std::vector<T> y = transform(s, core, &x[size_t(i * n)], transpose);
      expected.insert(expected.end(), y.begin(), y.end());
    }
    Unaligned<T> plus(core), plus_t(transposed(core, s.base)), in(x), out(count * n), scratch(n);
    const Geometry<T> g{s.row(), s.log2, s.base, plus.data(), plus_t.data()};
    const std::string what = name + " q=" + std::to_string(s.q) + " base=" + std::to_string(s.base) +
                             " log2=" + std::to_string(s.log2) + (transpose ? " transposed" : "");
    kernel(g, in.data(), out.data(), scratch.data(), count, transpose);
    check_same(what, out.data(), expected.data(), count * n);
    check_same(what + ", its input", in.data(), x.data(), count * n);
    kernel(g, in.data(), in.data(), scratch.data(), count, transpose);
    check_same(what + " in place", in.data(), expected.data(), count * n);
    check(in.intact() && out.intact() && scratch.intact(), what + " keeps to its memory");
  }
}

// `draw(order)` gives that many values, small enough for the type.
template <class T, class Draw>
void sweep(const std::string& name, Transform<T> kernel, int64_t pad, int32_t largest_log2, const Draw& draw) {
  Random random;
  for (int32_t log2 = 0; log2 <= largest_log2; ++log2) {
    for (const int64_t q : {1, 3}) {
      const Blocks s{q, log2, 1, pad};
      if (s.units() <= 65536) compare<T>(name, kernel, s, {T(1)}, draw(random, s));
    }
  }
  for (const int32_t base : {12, 20, 28, 36}) {
    for (int32_t log2 = 0; log2 <= 7 && log2 <= largest_log2 - 6; ++log2) {
      for (const int64_t q : {1, 3}) {
        const Blocks s{q, log2, base, pad};
        compare<T>(name, kernel, s, random.signs<T>(base * base), draw(random, s));
      }
    }
  }
}

// Integers up to the bound that the order allows, most of them at it.
template <class T>
std::vector<T> extremes(Random& random, const Blocks& s, int64_t limit) {
  const int64_t largest = limit / s.order();
  std::vector<T> x = random.integers<T>(s.units(), -largest, largest);
  for (T& v : x) {
    if (random.integer(0, 3) > 0) v = T(random.integer(0, 1) ? largest : -largest);
  }
  return x;
}

}  // namespace

void test_transform(const KernelTable& table) {
  const auto reals = [](Random& random, const Blocks& s) { return random.reals<float>(s.units()); };
  const auto specials = [](Random& random, const Blocks& s) { return random.specials(s.units()); };
  const auto doubles = [](Random& random, const Blocks& s) { return random.reals<double>(s.units()); };
  const auto i32 = [](Random& random, const Blocks& s) { return extremes<int32_t>(random, s, INT32_MAX); };
  sweep<float>("transform_f32", table.transform_f32, lane_group, 16, reals);
  sweep<float>("transform_f32 of special values", table.transform_f32, lane_group, 10, specials);
  sweep<double>("transform_f64", table.transform_f64, lane_group, 10, doubles);
  sweep<int32_t>("transform_i32", table.transform_i32, lane_group, 16, i32);
}

}  // namespace hadamrnn::test
