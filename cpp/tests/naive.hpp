// What the kernels compute, written down as it is defined: one rounding after another, plain loops.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/table.hpp"

namespace hadamrnn::test {

// q blocks of order m = base * 2^log2 in storage order, its rows padded to a multiple of `pad`.
struct Blocks {
  int64_t q;
  int32_t log2;
  int32_t base;
  int64_t pad = lane_group;

  int64_t power() const { return int64_t(1) << log2; }
  int64_t row() const { return (q * power() + pad - 1) / pad * pad; }
  int64_t size() const { return row() * base; }
  int64_t order() const { return power() * base; }
  int64_t index(int64_t block, int64_t a, int64_t b) const { return b * row() + block * power() + a; }

  // Values for the units, zeros in the padding.
  template <class T>
  std::vector<T> padded(const std::vector<T>& units) const {
    std::vector<T> x(size_t(size()), T(0));
    size_t next = 0;
    for (int64_t b = 0; b < base; ++b) {
      for (int64_t j = 0; j < q * power(); ++j) x[size_t(b * row() + j)] = units[next++];
    }
    return x;
  }
  int64_t units() const { return q * order(); }
};

// (I_q (x) H_(2^log2) (x) core) x, or its transpose: stages of stride 1, 2, 4, ..., then the core.
// The padding goes through it like blocks of its own.
template <class T>
std::vector<T> transform(const Blocks& s, const std::vector<T>& core, const T* x, bool transpose) {
  std::vector<T> out(size_t(s.size()), T(0));
  for (int64_t block = 0; block * s.power() < s.row(); ++block) {
    std::vector<std::vector<T>> y(size_t(s.base), std::vector<T>(size_t(s.power())));
    for (int64_t b = 0; b < s.base; ++b) {
      std::vector<T>& row = y[size_t(b)];
      for (int64_t a = 0; a < s.power(); ++a) row[size_t(a)] = x[s.index(block, a, b)];
      for (int64_t h = 1; h < s.power(); h *= 2) {
        for (int64_t a = 0; a < s.power(); ++a) {
          if (a & h) continue;
          const T first = row[size_t(a)], second = row[size_t(a + h)];
          row[size_t(a)] = T(first + second);
          row[size_t(a + h)] = T(first - second);
        }
      }
    }
    for (int64_t b = 0; b < s.base; ++b) {
      for (int64_t a = 0; a < s.power(); ++a) {
        T total = y[0][size_t(a)];
        for (int64_t c = 0; c < s.base && s.base > 1; ++c) {
          const T sign = core[size_t(transpose ? c * s.base + b : b * s.base + c)];
          const T term = T(sign * y[size_t(c)][size_t(a)]);
          total = c == 0 ? term : T(total + term);
        }
        out[size_t(s.index(block, a, b))] = total;
      }
    }
  }
  return out;
}

// Activations pass NaN on.
template <class T>
T relu(T z) {
  return z <= 0 ? T(0) : z;
}

template <class T>
T activate(Activation activation, T z, T threshold) {
  switch (activation) {
    case Activation::linear: return z;
    case Activation::relu: return relu(z);
    case Activation::sign: return z >= 0 ? T(1) : z < 0 ? T(-1) : z;
    case Activation::modrelu: break;
  }
  const T magnitude = std::abs(z) + threshold;
  return magnitude <= 0 || z == 0 ? T(0) : std::copysign(magnitude, z);
}

}  // namespace hadamrnn::test
