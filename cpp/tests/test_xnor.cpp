// Popcount products of binary matrices, and the packing of their activations, against plain loops.
#include "check.hpp"
#include "data.hpp"
#include "packed.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

using Matrix = std::vector<int8_t>;  // +1 and -1, row-major

std::vector<int32_t> product(const Matrix& m, int64_t rows, const std::vector<int32_t>& x) {
  const int64_t columns = int64_t(x.size());
  std::vector<int32_t> y(size_t(rows), 0);
  for (int64_t i = 0; i < rows; ++i) {
    int64_t sum = 0;
    for (int64_t j = 0; j < columns; ++j) sum += int64_t(m[size_t(i * columns + j)]) * x[size_t(j)];
    y[size_t(i)] = int32_t(sum);
  }
  return y;
}

int64_t words(int64_t n) { return (n + 63) / 64; }

// Values and zeros up to a multiple of 16, as the packing kernels take them.
template <class T>
std::vector<T> padded(std::vector<T> x) {
  x.resize((x.size() + 15) / 16 * 16, T(0));
  return x;
}

std::vector<uint64_t> planes(const std::vector<int32_t>& x, int32_t k) {
  const int64_t n = int64_t(x.size());
  std::vector<uint64_t> bits(size_t(k * words(n)), 0);
  for (int64_t j = 0; j < n; ++j) {
    for (int32_t b = 0; b < k; ++b) {
      bits[size_t(b * words(n) + j / 64)] |= uint64_t(uint32_t(x[size_t(j)]) >> b & 1) << (j % 64);
    }
  }
  return bits;
}

void products(const KernelTable& table, Random& random, const Matrix& m, int64_t rows,
              const std::vector<int32_t>& signs) {
  const int64_t columns = int64_t(signs.size());
  const PackedBinary packed(rows, columns, [&](int64_t i, int64_t j) { return int(m[size_t(i * columns + j)]); });
  const std::string size = " " + std::to_string(rows) + " x " + std::to_string(columns);
  Unaligned<int32_t> out(packed.padded_rows());

  Unaligned<float> values(padded(std::vector<float>(signs.begin(), signs.end())));
  Unaligned<uint64_t> bits(words(columns));
  table.pack_signs_f32(values.data(), (columns + 15) / 16 * 16, bits.data());
  table.xnor_i32(packed.matrix(), bits.data(), out.data());
  check_same("xnor_i32" + size, out.data(), product(m, rows, signs).data(), rows);

  for (const int32_t k : {1, 2, 3, 8, 12, 16}) {
    const int32_t half = 1 << (k - 1);
    std::vector<int32_t> x = random.integers<int32_t>(columns, -half, half - 1);
    if (k == 8) std::fill(x.begin(), x.end(), -half);  // the most negative number everywhere
    Unaligned<int32_t> in(padded(x));
    Unaligned<uint64_t> z(k * words(columns));
    table.pack_planes_i32(in.data(), (columns + 15) / 16 * 16, k, z.data());
    const std::string what = "xnor_planes_i32 k=" + std::to_string(k) + size;
    check_same("pack_planes_i32 for " + what, z.data(), planes(x, k).data(), k * words(columns));
    table.xnor_planes_i32(packed.matrix(), z.data(), k, out.data());
    check_same(what, out.data(), product(m, rows, x).data(), rows);
    check(z.intact(), what + " keeps to its memory");
  }
  check(out.intact() && bits.intact(), "xnor" + size + " keeps to its memory");
}

void packing(const KernelTable& table, Random& random, int64_t n) {
  const std::vector<float> x = random.specials(n);
  std::vector<uint64_t> expected(size_t(words(n)), 0);
  for (int64_t j = 0; j < n; ++j) expected[size_t(j / 64)] |= uint64_t(x[size_t(j)] < 0) << (j % 64);
  Unaligned<float> in(x);
  Unaligned<uint64_t> bits(words(n));
  table.pack_signs_f32(in.data(), n, bits.data());
  check_same("pack_signs_f32 of " + std::to_string(n), bits.data(), expected.data(), words(n));

  const std::vector<int32_t> z = random.integers<int32_t>(n, INT32_MIN, INT32_MAX);
  Unaligned<int32_t> whole(z);
  Unaligned<uint64_t> all(32 * words(n));
  table.pack_planes_i32(whole.data(), n, 32, all.data());
  check_same("pack_planes_i32 of 32 bits", all.data(), planes(z, 32).data(), 32 * words(n));
  check(bits.intact() && all.intact(), "packing keeps to its memory");
}

}  // namespace

void test_xnor(const KernelTable& table) {
  Random random;
  for (const int64_t n : {16, 48, 64, 80, 128, 208}) packing(table, random, n);
  for (const int64_t rows : {1, 8, 13, 24}) {
    // Words in groups of 8, 2 and 1, and more of them than counters of one byte hold.
    for (const int64_t columns : {1, 12, 63, 64, 65, 128, 200, 500, 512, 704, 2048, 4200}) {
      products(table, random, random.signs<int8_t>(rows * columns), rows, random.signs<int32_t>(columns));
    }
  }
  // Every bit differs: the largest counts there are.
  products(table, random, Matrix(size_t(8 * 4160), int8_t(-1)), 8, std::vector<int32_t>(4160, 1));
}

}  // namespace hadamrnn::test
