// Callers' numbers -> features, each type against its definition, and logits -> classes.
#include "hadamrnn/features.hpp"

#include <limits>
#include <stdexcept>
#include <type_traits>

#include "check.hpp"
#include "data.hpp"
#include "flush_to_zero.hpp"
#include "hadamrnn/classes.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

template <class T>
constexpr Number number() {
  if (std::is_same_v<T, float>) return Number::f32;
  if (std::is_same_v<T, double>) return Number::f64;
  constexpr Number kinds[2][4] = {{Number::u8, Number::u16, Number::u32, Number::u64},
                                  {Number::i8, Number::i16, Number::i32, Number::i64}};
  return kinds[std::is_signed_v<T>][sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3];
}

std::vector<double> all(int64_t n, double first, double step) {
  std::vector<double> x(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) x[size_t(i)] = first + step * double(i);
  return x;
}

// F is what the numbers are normalized in.
template <class F, class T>
void reads(std::vector<T> x, int64_t d, bool normalized, const std::string& what) {
  const int64_t rows = int64_t(x.size()) / d;
  x.resize(size_t(rows * d));
  FeaturesSpec spec;
  spec.size = d;
  if (normalized) {
    spec.offset = all(d, 0.1, 1.7);
    spec.scale = all(d, 0.3, 0.7);
  }
  std::vector<float> expected;
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t j = i % size_t(d);
    expected.push_back(normalized ? float((F(x[i]) - F(spec.offset[j])) / F(spec.scale[j])) : float(x[i]));
  }
  Unaligned<T> in(x);
  Unaligned<float> out(rows * d);
  const int64_t found = Features(spec).read(in.data(), number<T>(), rows, out.data());
  check_same(what, out.data(), expected.data(), rows * d);
  check(out.intact(), what + " keeps to its memory");
  check(found == first_nonfinite(expected.data(), rows * d), what + " finds the first that is not finite");
}

template <class T>
void every_form(Random& random, const std::string& name) {
  using F = std::conditional_t<std::is_same_v<T, float> || (std::is_integral_v<T> && sizeof(T) <= 2), float, double>;
  for (const int64_t d : {1, 2, 3, 8, 9, 33}) {
    for (const int64_t n : {0, 1, 7, 200, 9000}) {
      std::vector<T> x(static_cast<size_t>(n));
      for (T& v : x) {
        const uint64_t bits = random.bits();
        v = std::is_floating_point_v<T> ? T(random.real() * 1e3) : T(bits);
      }
      for (const bool normalized : {false, true}) {
        reads<F>(
            x, d, normalized,
            name + ", " + std::to_string(d) + " channels, " + std::to_string(n) + (normalized ? " normalized" : ""));
      }
    }
  }
}

void bytes() {
  FeaturesSpec spec{1, true, 1.0f / 255, {0.25}, {0.5}, false};
  std::vector<uint8_t> x;
  std::vector<float> expected, out(256);
  for (int i = 0; i < 256; ++i) {
    x.push_back(uint8_t(i));
    expected.push_back((float(i) * spec.byte_scale - 0.25f) / 0.5f);
  }
  const Features pixels(spec);
  check(pixels.read(x.data(), Number::u8, 256, out.data()) < 0, "all bytes are finite");
  check_same("scaled bytes", out.data(), expected.data(), 256);
  check(pixels.takes(Number::u8) && pixels.takes(Number::f64) && !pixels.takes(Number::i64),
        "of a model of pixels, bytes are the integers");
  spec.byte_scale = 0;
  check(!Features(spec).takes(Number::u8), "no bytes where none are scaled");
  spec = {1, false, 0, {1.7e9}, {1}, true};
  check(Features(spec).takes(Number::f64) && !Features(spec).takes(Number::f32), "a fine signal is float64");
}

void special_numbers() {
  Random random;
  for (const int64_t d : {1, 9}) {
    for (const bool normalized : {false, true}) reads<float>(random.specials(1000), d, normalized, "special float32");
  }
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double x : {infinity, -infinity, 1e39, -1e300, std::numeric_limits<double>::quiet_NaN()}) {
    std::vector<double> values(5000, 0.5);
    for (const size_t at : {size_t(0), size_t(4095), size_t(4096), size_t(4999)}) {
      std::vector<double> bad = values;
      bad[at] = x;
      reads<double>(bad, 1, false, "one that is not finite as float32");
    }
  }
  const std::vector<float> tiny(64, 1e-40f);
  std::vector<float> out(64);
  const FlushToZero caller;
  FeaturesSpec spec;
  spec.size = 4;
  Features(spec).read(tiny.data(), Number::f32, 16, out.data());
  check_same("denormal numbers of a caller that flushes them", out.data(), tiny.data(), 64);
}

void classes() {
  const float y[] = {1, 3, 3, -2, 0, 0, 0, 0};
  int64_t order[8];
  float p[8], every[8];
  check(most_probable(y, 2, 4, 3, order, p), "finite logits have classes");
  check(order[0] == 1 && order[1] == 2 && order[2] == 0, "the largest first, of equal ones the lower class");
  check(order[3] == 0 && order[4] == 1 && order[5] == 2, "all equal");
  probabilities(y, 2, 4, every);
  check(p[0] == every[1] && p[1] == every[2] && p[2] == every[0] && p[3] == 0.25f, "probabilities of the same classes");
  const float logit[] = {-0.5f, 30, 0};
  check(most_probable(logit, 3, 1, 2, order, p), "single logits have two classes");
  check(order[0] == 0 && order[2] == 1 && order[4] == 0, "class 1 where the logit is positive");
  check_close("a sigmoid", p, std::vector<double>{0.6224593312, 0.3775406688}.data(), 2, 1e-7);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float x : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    const float bad[] = {0, x};
    check(!most_probable(bad, 1, 2, 1, order, p) && !most_probable(bad + 1, 1, 1, 1, order, p),
          "no class of " + show(x));
  }
}

}  // namespace

void test_features() {
  Random random;
  every_form<float>(random, "float32");
  every_form<double>(random, "float64");
  every_form<int8_t>(random, "int8");
  every_form<int16_t>(random, "int16");
  every_form<int32_t>(random, "int32");
  every_form<int64_t>(random, "int64");
  every_form<uint8_t>(random, "uint8");
  every_form<uint16_t>(random, "uint16");
  every_form<uint32_t>(random, "uint32");
  every_form<uint64_t>(random, "uint64");
  bytes();
  special_numbers();
  classes();
  check_throws<std::invalid_argument>("no features", [] { Features(FeaturesSpec{}); });
  check_throws<std::invalid_argument>("too few offsets", [] { Features({2, false, 0, {1}, {1}, false}); });
  check_throws<std::invalid_argument>("scales alone", [] { Features({1, false, 0, {}, {1}, false}); });
}

}  // namespace hadamrnn::test
