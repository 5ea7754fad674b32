// Products with ternary matrices, float and integer, dense and with whole strips empty.
#include "check.hpp"
#include "data.hpp"
#include "packed.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

// Entries of one row after another, none of them outside -1, 0, 1.
using Matrix = std::vector<int8_t>;

template <class T>
std::vector<T> product(const Matrix& m, int64_t rows, const std::vector<T>& x) {
  const int64_t columns = int64_t(x.size());
  std::vector<T> y(size_t((rows + 63) / 64 * 64), T(0));
  for (int64_t i = 0; i < rows; ++i) {
    T sum = 0;
    for (int64_t j = 0; j < columns; ++j) {
      const int w = m[size_t(i * columns + j)];
      if (w > 0) sum = sum + x[size_t(j)];
      if (w < 0) sum = sum + -x[size_t(j)];
    }
    y[size_t(i)] = sum;
  }
  return y;
}

template <class T>
void compare(const std::string& name, void (*kernel)(const TernaryMatrix&, const T*, T*), const Matrix& m, int64_t rows,
             const std::vector<T>& x) {
  const int64_t columns = int64_t(x.size());
  const PackedTernary packed(rows, columns, [&](int64_t i, int64_t j) { return int(m[size_t(i * columns + j)]); });
  const std::vector<T> expected = product(m, rows, x);
  Unaligned<T> in(x), out(packed.padded_rows());
  kernel(packed.matrix(), in.data(), out.data());
  const std::string what = name + " " + std::to_string(rows) + " x " + std::to_string(columns);
  check_same(what, out.data(), expected.data(), packed.padded_rows());
  check(out.intact(), what + " keeps to its memory");
}

}  // namespace

void test_masked_add(const KernelTable& table) {
  Random random;
  for (const int64_t rows : {1, 7, 63, 64, 65, 200}) {
    for (const int64_t columns : {1, 2, 17, 100}) {
      for (const int64_t zeros : {0, 1, 16, 1000}) {  // for every entry that is not zero, on average
        Matrix m(size_t(rows * columns));
        for (int8_t& w : m) w = random.integer(0, zeros) == 0 ? int8_t(random.sign()) : int8_t(0);
        if (rows > 128) std::fill(m.begin() + 64 * columns, m.begin() + 128 * columns, int8_t(0));
        const int32_t largest = INT32_MAX / int32_t(columns);
        compare<float>("masked_add_f32", table.masked_add_f32, m, rows, random.reals<float>(columns));
        compare<float>("masked_add_f32 of special values", table.masked_add_f32, m, rows, random.specials(columns));
        compare<int32_t>("masked_add_i32", table.masked_add_i32, m, rows,
                         random.integers<int32_t>(columns, -largest, largest));
      }
    }
  }
}

}  // namespace hadamrnn::test
