// Numbers to test with: the same on every machine, at addresses that suit no vector, with the values
// that break kernels among them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "aligned.hpp"

namespace hadamrnn::test {

// SplitMix64 (Steele, Lea and Flood, 2014). The distributions of <random> differ between libraries.
class Random {
 public:
  explicit Random(uint64_t seed = 20250203) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  int64_t integer(int64_t low, int64_t high) { return low + int64_t(bits() % uint64_t(high - low + 1)); }
  // Uniform in [-1, 1), with all the bits of a float.
  double real() { return double(int64_t(bits()) >> 24) * 0x1p-39; }
  int sign() { return bits() >> 63 ? 1 : -1; }

  template <class T>
  std::vector<T> reals(int64_t n) {
    std::vector<T> x(size_t(n), T(0));
    for (T& v : x) v = T(real());
    return x;
  }
  template <class T>
  std::vector<T> integers(int64_t n, int64_t low, int64_t high) {
    std::vector<T> x(size_t(n), T(0));
    for (T& v : x) v = T(integer(low, high));
    return x;
  }
  template <class T>
  std::vector<T> signs(int64_t n) {
    std::vector<T> x(size_t(n), T(0));
    for (T& v : x) v = T(sign());
    return x;
  }
  // A third of the values are zeros of both signs, denormal, huge, infinite or NaN.
  std::vector<float> specials(int64_t n) {
    using Limits = std::numeric_limits<float>;
    const float special[] = {0.0f,
                             -0.0f,
                             Limits::denorm_min(),
                             -1e-40f,
                             Limits::min(),
                             Limits::max(),
                             -Limits::max(),
                             Limits::infinity(),
                             -Limits::infinity(),
                             Limits::quiet_NaN()};
    std::vector<float> x = reals<float>(n);
    for (float& v : x) {
      if (integer(0, 2) == 0) v = special[integer(0, 9)];
    }
    return x;
  }

 private:
  uint64_t state_;
};

// n elements that start one element past a cache line, between guards that must stay as they are.
// The address sanitizer sees more than guards do: with it the last element is the end of the memory.
template <class T>
class Unaligned {
 public:
  explicit Unaligned(int64_t n) : n_(n), memory_(size_t(n + 1 + tail), guard()) {}
  explicit Unaligned(const std::vector<T>& x) : Unaligned(int64_t(x.size())) {
    for (int64_t i = 0; i < n_; ++i) data()[i] = x[size_t(i)];
  }
  T* data() { return memory_.data() + 1; }
  bool intact() const {
    bool ok = memory_[0] == guard();
    for (size_t i = size_t(n_) + 1; i < memory_.size(); ++i) ok = ok && memory_[i] == guard();
    return ok;
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr int64_t tail = 0;
#else
  static constexpr int64_t tail = 32;
#endif
  static T guard() { return T(77); }
  int64_t n_;
  Buffer<T> memory_;
};

}  // namespace hadamrnn::test
