// The whole test framework: checks are counted, and those that fail say what they saw.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

namespace hadamrnn::test {

struct Count {
  int64_t passed = 0;
  int64_t failed = 0;
};
Count& count();

void check(bool ok, const std::string& what);

// The value and its bits, as a failure shows them.
std::string show(float x);
std::string show(double x);
template <class T>
std::string show(T x) {
  return std::to_string(x);
}

// First index whose bits differ, or -1. Any NaN equals any other: which one comes out of inf - inf
// is the processor's own choice.
template <class T>
int64_t first_difference(const T* got, const T* expected, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const bool both_nan = got[i] != got[i] && expected[i] != expected[i];
    if (!both_nan && std::memcmp(&got[i], &expected[i], sizeof(T)) != 0) return i;
  }
  return -1;
}

template <class T>
void check_same(const std::string& what, const T* got, const T* expected, int64_t n) {
  const int64_t i = first_difference(got, expected, n);
  if (i < 0) {
    check(true, what);
  } else {
    check(false, what + ": [" + std::to_string(i) + "] of " + std::to_string(n) + " is " + show(got[i]) +
                     ", expected " + show(expected[i]));
  }
}

// For training, whose kernels may round in any order: |got - expected| <= tolerance * max(1, max|expected|).
template <class T>
void check_close(const std::string& what, const T* got, const double* expected, int64_t n, double tolerance) {
  double scale = 1;
  for (int64_t i = 0; i < n; ++i) scale = std::fmax(scale, std::fabs(expected[i]));
  for (int64_t i = 0; i < n; ++i) {
    if (!(std::fabs(double(got[i]) - expected[i]) <= tolerance * scale)) {
      return check(false, what + ": [" + std::to_string(i) + "] of " + std::to_string(n) + " is " + show(got[i]) +
                              ", expected about " + show(expected[i]));
    }
  }
  check(true, what);
}

// Runs f, which must throw E.
template <class E, class F>
void check_throws(const std::string& what, const F& f) {
  bool thrown = false;
  try {
    f();
  } catch (const E&) {
    thrown = true;
  }
  check(thrown, what);
}

}  // namespace hadamrnn::test
