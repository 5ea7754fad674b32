#include "hadamrnn/classes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "finite.hpp"

namespace hadamrnn {
namespace {

// The logits of all classes, one row at a time.
class Rows {
 public:
  Rows(const float* logits, int64_t outputs) : logits_(logits), outputs_(outputs) {}
  const float* at(int64_t row) {
    if (outputs_ > 1) return logits_ + row * outputs_;
    pair_[1] = logits_[row];
    return pair_;
  }

 private:
  const float* logits_;
  int64_t outputs_;
  float pair_[2] = {0, 0};
};

double power(float logit, float largest) { return std::exp(double(logit) - double(largest)); }

// The largest logit of a row, and the sum of exp(y - largest).
double total(const float* y, int64_t classes, float& largest) {
  largest = *std::max_element(y, y + classes);
  double sum = 0;
  for (int64_t k = 0; k < classes; ++k) sum += power(y[k], largest);
  return sum;
}

}  // namespace

void probabilities(const float* logits, int64_t rows, int64_t outputs, float* out) {
  const int64_t classes = class_count(outputs);
  Rows all(logits, outputs);
  for (int64_t row = 0; row < rows; ++row, out += classes) {
    const float* y = all.at(row);
    float largest;
    const double sum = total(y, classes, largest);
    for (int64_t k = 0; k < classes; ++k) out[k] = float(power(y[k], largest) / sum);
  }
}

bool most_probable(const float* logits, int64_t rows, int64_t outputs, int64_t top, int64_t* classes, float* out) {
  if (!all_finite(logits, rows * outputs)) return false;
  const int64_t count = class_count(outputs);
  Rows all(logits, outputs);
  std::vector<int64_t> order(static_cast<size_t>(count));
  for (int64_t row = 0; row < rows; ++row, classes += top, out += top) {
    const float* y = all.at(row);
    float largest;
    const double sum = total(y, count, largest);
    std::iota(order.begin(), order.end(), int64_t(0));
    std::partial_sort(order.begin(), order.begin() + top, order.end(),
                      [y](int64_t a, int64_t b) { return y[a] != y[b] ? y[a] > y[b] : a < b; });
    for (int64_t k = 0; k < top; ++k) {
      classes[k] = order[size_t(k)];
      out[k] = float(power(y[classes[k]], largest) / sum);
    }
  }
  return true;
}

}  // namespace hadamrnn
