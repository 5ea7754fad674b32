// Forward and backward passes of one recurrence for training, float32 or float64.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hadamrnn {

struct RecurrenceData;

// Geometry alone: weights come with each call. T is float or double; arrays are in natural order,
// row-major. Threads split the batch; sums over it run in a fixed order, so results do not depend
// on the number of threads. `recurrence` is an activation, or with "-k" (linear-8) one of a state of k bits: z rounds
// to whole numbers, act(z) saturates, and gradients go straight through what is not saturated.
class Recurrence {
 public:
  Recurrence(int64_t hidden_size, int64_t block_size, int32_t base, const std::vector<int8_t>& core,
             const std::string& recurrence);

  int64_t hidden_size() const;
  bool has_threshold() const;  // modrelu

  // h_t = act(signs * (I_q (x) H_m) h_(t-1) / sqrt(m) + v_t); v and h (batch, steps, n), h0 (batch, n) or null.
  template <class T>
  void forward(const T* signs, const T* v, const T* h0, const T* modrelu, int64_t batch, int64_t steps, T* h,
               int threads) const;
  // Gradients from grad_h = dL/dh with the states of the forward pass. dh0 and dmodrelu may be null.
  template <class T>
  void backward(const T* signs, const T* h, const T* h0, const T* modrelu, const T* grad_h, int64_t batch,
                int64_t steps, T* dv, T* dh0, T* dsigns, T* dmodrelu, int threads) const;
  // out[c, k] = W^k columns[c]: (count, n) -> (count, steps, n); the linear recurrence without input.
  template <class T>
  void powers(const T* signs, const T* columns, int64_t count, int64_t steps, T* out, int threads) const;
  template <class T>
  void powers_backward(const T* signs, const T* powers, const T* grad, int64_t count, int64_t steps, T* dcolumns,
                       T* dsigns, int threads) const;
  // (I_q (x) H_m) x or its transpose for each of `count` rows; not normalized.
  template <class T>
  void transform(const T* x, int64_t count, T* out, bool transpose, int threads) const;

  const RecurrenceData& data() const { return *data_; }

 private:
  std::shared_ptr<const RecurrenceData> data_;
};

}  // namespace hadamrnn
