// XNOR-popcount products of binary matrices, and the packing of 1-bit activations, against plain loops.
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

void products(const KernelTable& table, Random& random, const Matrix& m, int64_t rows,
              const std::vector<int32_t>& signs) {
  const int64_t columns = int64_t(signs.size());
  const PackedBinary packed(rows, columns, [&](int64_t i, int64_t j) { return int(m[size_t(i * columns + j)]); });
  const std::string size = " " + std::to_string(rows) + " x " + std::to_string(columns);
  Unaligned<int32_t> out(packed.padded_rows());

  Unaligned<float> values(padded(std::vector<float>(signs.begin(), signs.end())));
  Unaligned<uint64_t> bits(words(columns));
  table.pack_signs_f32(values.data(), (columns + 15) / 16 * 16, bits.data());
  table.xnor_signs_i32(packed.matrix(), bits.data(), out.data());
  check_same("xnor_signs_i32" + size, out.data(), product(m, rows, signs).data(), rows);

  for (const int32_t k : {1, 2, 3, 8, 11, 12, 13, 16}) {
    const int32_t half = 1 << (k - 1);
    const std::vector<int32_t> mixed = random.integers<int32_t>(columns, -half, half - 1);
    const std::vector<int32_t> lowest(size_t(columns), -half), highest(size_t(columns), half - 1);
    for (const std::vector<int32_t>& x : {mixed, lowest, highest}) {
      Unaligned<int32_t> in(padded(x));
      table.xnor_i32(packed.matrix(), in.data(), k, out.data());
      check_same("xnor_i32 k=" + std::to_string(k) + size, out.data(), product(m, rows, x).data(), rows);
    }
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

  std::vector<int32_t> z = random.integers<int32_t>(n, INT32_MIN, INT32_MAX);
  z[0] = 0;
  z[1] = INT32_MIN;
  std::fill(expected.begin(), expected.end(), 0);
  for (int64_t j = 0; j < n; ++j) expected[size_t(j / 64)] |= uint64_t(z[size_t(j)] < 0) << (j % 64);
  Unaligned<int32_t> whole(z);
  table.pack_signs_i32(whole.data(), n, bits.data());
  check_same("pack_signs_i32 of " + std::to_string(n), bits.data(), expected.data(), words(n));
  check(bits.intact(), "packing keeps to its memory");
}

}  // namespace

void test_xnor(const KernelTable& table) {
  Random random;
  for (const int64_t n : {16, 48, 64, 80, 128, 208}) packing(table, random, n);
  for (const int64_t rows : {1, 8, 13, 64, 70}) {
    // Bytes in groups of eight and alone, and more of them than a chunk of sums in 16 bits holds.
    for (const int64_t columns : {1, 12, 63, 64, 65, 128, 200, 500, 512, 1024, 1032, 2048, 4200}) {
      products(table, random, random.signs<int8_t>(rows * columns), rows, random.signs<int32_t>(columns));
    }
  }
  for (const int8_t sign : {-1, 1}) {  // every bit differs, or none: the largest counts there are
    products(table, random, Matrix(size_t(8 * 4160), sign), 8, std::vector<int32_t>(4160, 1));
  }
}

}  // namespace hadamrnn::test
