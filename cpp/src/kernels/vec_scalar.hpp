#pragma once

#include "kernels/vec_one.hpp"

namespace hadamrnn {
namespace scalar {

using F32 = One<float>;
using I32 = One<int32_t>;
using I16 = One<int16_t>;
using Narrow = I16;

// 16-bit lanes of integers that memory holds in 32 bits: a register joins two of I32, in an order of its own that
// exchanges bits of the index of an element. None here.
struct Short {
  static constexpr int W = 0;
};

struct U8 {
  using T = uint8_t;
  using reg = uint8_t;
  using Table = const uint8_t*;
  using Sums = uint32_t;
  static constexpr int W = 1;
  static constexpr int rows = 4;  // registers of rows that share a table
  static reg load(const T* p) { return *p; }
  static reg add(reg x, reg y) { return reg(x + y); }
  static reg low(reg x) { return x & 15; }
  static reg high(reg x) { return x >> 4; }
  static Table table(const T* p) { return p; }
  static reg look_up(Table t, reg i) { return t[i]; }
  static Sums no_sums() { return 0; }
  static void accumulate(Sums& s, reg x) { s += x; }
  static void store_sums(uint16_t* y, Sums s) { *y = uint16_t(s); }
  // 16 sums: bias and each z_j whose bit j of the index is set; lower 7 bits, then the upper ones.
  static void store_table(const int16_t* z, int32_t bias, T* t) {
    for (int i = 0; i < 16; ++i) {
      int32_t sum = bias;
      for (int j = 0; j < 4; ++j) sum += i >> j & 1 ? z[j] : 0;
      t[i] = T(sum & 127);
      t[16 + i] = T(sum >> 7);
    }
  }
};

struct U64 {
  using T = uint64_t;
  using reg = uint64_t;
  using counts = uint64_t;
  static constexpr int W = 1;
  static constexpr int max_counts = 1 << 20;
  static reg zero() { return 0; }
  static reg load(const uint64_t* p) { return *p; }
  static reg set(uint64_t x) { return x; }
  static reg xor_(reg x, reg y) { return x ^ y; }
  static reg add(reg x, reg y) { return x + y; }
  static counts no_counts() { return 0; }
  static counts count(counts c, reg x) {
    x = x - ((x >> 1) & 0x5555555555555555u);
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return c + ((x * 0x0101010101010101u) >> 56);
  }
  static reg total(counts c) { return c; }
  static void store_affine(int32_t* y, int64_t c, reg s) { *y = int32_t(c - 2 * int64_t(s)); }
};

using SignCounter = U64;

}  // namespace scalar
}  // namespace hadamrnn
