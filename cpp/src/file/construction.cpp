#include "file/construction.hpp"

#include <stdexcept>

#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

enum class Formula { none, sylvester, paley1, paley2, williamson };
constexpr const char* names[] = {"", "sylvester", "paley1", "paley2", "williamson"};

// Order 4 t: each number holds the first (t + 1) / 2 entries of a symmetric first row, the most significant bit first;
// a set bit means -1.
constexpr struct {
  int64_t t;
  uint64_t seeds[4];
} williamson_seeds[] = {
    {13, {11, 38, 44, 62}},
    {23, {314, 1380, 445, 540}},
    {25, {1238, 3874, 990, 2005}},
    {29, {233, 1814, 10714, 4570}},
    {39, {110515, 60661, 104283, 469986}},
    {43, {1884809, 923343, 341259, 532146}},
    {61, {370036959, 703704864, 661239995, 661239995}},
    {85, {1262130268180, 3135916242923, 3678573640368, 3678573640368}},
};

const uint64_t* seeds_of(int64_t t) {
  for (const auto& entry : williamson_seeds) {
    if (entry.t == t) return entry.seeds;
  }
  return nullptr;
}

bool is_prime(int64_t n) {
  if (n < 2) return false;
  for (int64_t p = 2; p * p <= n; ++p) {
    if (n % p == 0) return false;
  }
  return true;
}

Formula formula_of(int64_t r) {
  if (r == 1) return Formula::sylvester;
  if (r % 4 != 0 || r < 12) return Formula::none;
  if (is_prime(r - 1)) return Formula::paley1;
  if (r % 8 == 4 && is_prime(r / 2 - 1)) return Formula::paley2;
  return seeds_of(r / 4) ? Formula::williamson : Formula::none;
}

// chi(j - i) modulo a prime q: 0 for 0, +1 for squares, else -1.
std::vector<int8_t> legendre(int64_t q) {
  std::vector<int8_t> chi(size_t(q), int8_t(-1));
  for (int64_t i = 1; i < q; ++i) chi[size_t(i * i % q)] = 1;
  chi[0] = 0;
  return chi;
}

void paley1(int64_t r, std::vector<int8_t>& h) {
  const int64_t q = r - 1;
  const std::vector<int8_t> chi = legendre(q);
  for (int64_t i = 0; i < r; ++i) {
    for (int64_t j = 0; j < r; ++j) {
      const int skew = i == 0 ? j > 0 : j == 0 ? -1 : chi[size_t((j - i + q) % q)];
      h[size_t(i * r + j)] = int8_t(skew + (i == j));
    }
  }
}

void paley2(int64_t r, std::vector<int8_t>& h) {
  static constexpr int plus[2][2] = {{1, 1}, {1, -1}}, diagonal[2][2] = {{1, -1}, {-1, -1}};
  const int64_t size = r / 2, q = size - 1;
  const std::vector<int8_t> chi = legendre(q);
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t j = 0; j < size; ++j) {
      const int conference = i == 0 || j == 0 ? i != j : chi[size_t((j - i + q) % q)];
      for (int a = 0; a < 2; ++a) {
        for (int b = 0; b < 2; ++b) {
          h[size_t((2 * i + a) * r + 2 * j + b)] = int8_t(i == j ? diagonal[a][b] : conference * plus[a][b]);
        }
      }
    }
  }
}

void williamson(int64_t r, std::vector<int8_t>& h) {
  static constexpr int circulant[4][4] = {{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 3, 0, 1}, {3, 2, 1, 0}};
  static constexpr int sign[4][4] = {{1, 1, 1, 1}, {-1, 1, -1, 1}, {-1, 1, 1, -1}, {-1, -1, 1, 1}};
  const int64_t t = r / 4, half = (t + 1) / 2;
  const uint64_t* seeds = seeds_of(t);
  for (int64_t i = 0; i < r; ++i) {
    for (int64_t j = 0; j < r; ++j) {
      const int64_t a = i / t, b = j / t;
      int64_t at = (j % t - i % t + t) % t;
      if (at >= half) at = t - at;  // the row is symmetric
      const bool minus = (seeds[circulant[a][b]] >> (half - 1 - at) & 1) != 0;
      h[size_t(i * r + j)] = int8_t(minus ? -sign[a][b] : sign[a][b]);
    }
  }
}

}  // namespace

int64_t base_order(int64_t m) {
  int64_t odd = m;
  while (odd % 2 == 0 && odd > 0) odd /= 2;
  if (odd == 1) return 1;
  for (int64_t r = 4 * odd; m > 0 && r <= m; r *= 2) {
    if (m % r == 0 && formula_of(r) != Formula::none) return r;
  }
  throw ModelFormatError("there is no Hadamard matrix of order " + std::to_string(m) +
                         ", or none of the formulas here gives it");
}

std::string construction(int64_t m) {
  const int64_t r = base_order(m);
  if (r == 1) return "sylvester";
  const std::string base = std::string(names[int(formula_of(r))]) + "(" + std::to_string(r) + ")";
  return m == r ? base : "sylvester(" + std::to_string(m / r) + ") x " + base;
}

std::vector<int8_t> core_matrix(int64_t r) {
  std::vector<int8_t> h(size_t(r * r), int8_t(1));
  switch (formula_of(r)) {
    case Formula::paley1: paley1(r, h); break;
    case Formula::paley2: paley2(r, h); break;
    case Formula::williamson: williamson(r, h); break;
    case Formula::sylvester: break;
    case Formula::none: throw std::invalid_argument(std::to_string(r) + " is not a base order");
  }
  return h;
}

}  // namespace hadamrnn::file
