// The passes of Recurrence over a batch, for float32 and float64, which are compiled apart.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "fp_env.hpp"
#include "hadamrnn/recurrence.hpp"
#include "isa_tables.hpp"
#include "recurrence_data.hpp"
#include "threads.hpp"

namespace hadamrnn {

template <class T>
Buffer<T> scaled_signs(const Storage& s, const T* signs) {
  Buffer<T> su(size_t(s.size()));
  s.to_storage(signs, su.data());
  const T scale = T(1.0 / std::sqrt(double(s.block_size)));
  for (T& x : su) x *= scale;
  return su;
}

inline void transform(const KernelTable& k, const Geometry<float>& g, const float* in, float* out, float* scratch,
                      int64_t count, bool transpose) {
  k.transform_f32(g, in, out, scratch, count, transpose);
}
inline void transform(const KernelTable& k, const Geometry<double>& g, const double* in, double* out, double* scratch,
                      int64_t count, bool transpose) {
  k.transform_f64(g, in, out, scratch, count, transpose);
}
inline void recur(const KernelTable& k, const Recur<float>& p, int64_t steps) { k.recur_f32(p, steps); }
inline void recur(const KernelTable& k, const Recur<double>& p, int64_t steps) { k.recur_f64(p, steps); }
inline void recur_back(const KernelTable& k, const RecurBack<float>& p, int64_t steps) { k.recur_back_f32(p, steps); }
inline void recur_back(const KernelTable& k, const RecurBack<double>& p, int64_t steps) { k.recur_back_f64(p, steps); }
inline void powers_back(const KernelTable& k, const RecurBack<float>& p, int64_t steps) { k.powers_back_f32(p, steps); }
inline void powers_back(const KernelTable& k, const RecurBack<double>& p, int64_t steps) {
  k.powers_back_f64(p, steps);
}

// Rows in storage order: the caller's memory where that is the natural order, else a copy.
template <class T>
class Rows {
 public:
  Rows(const Storage& s, const T* natural, int64_t count) {
    if (s.natural() || !natural) {
      data_ = natural;
      return;
    }
    copy_.resize(size_t(count * s.size()));
    for (int64_t i = 0; i < count; ++i) s.to_storage(natural + i * s.hidden_size, &copy_[size_t(i * s.size())]);
    data_ = copy_.data();
  }
  const T* data() const { return data_; }

 private:
  Buffer<T> copy_;
  const T* data_ = nullptr;
};

template <class T>
class OutRows {
 public:
  OutRows(const Storage& s, T* natural, int64_t count) : storage_(s), natural_(natural), count_(count), data_(natural) {
    if (s.natural()) return;
    copy_.resize(size_t(count * s.size()));
    data_ = copy_.data();
  }
  T* data() { return data_; }
  void finish() const {
    if (storage_.natural()) return;
    for (int64_t i = 0; i < count_; ++i) {
      storage_.to_natural(&copy_[size_t(i * storage_.size())], natural_ + i * storage_.hidden_size);
    }
  }

 private:
  const Storage& storage_;
  T* natural_;
  int64_t count_;
  Buffer<T> copy_;
  T* data_;
};

// Sum over `count` rows in storage order, in order of the rows, times scale, to natural order.
template <class T>
void sum_rows(const Storage& s, const Buffer<T>& rows, int64_t count, T scale, T* out) {
  const DefaultFpEnv env;
  Buffer<T> total(size_t(s.size()));
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < s.size(); ++j) total[size_t(j)] += rows[size_t(i * s.size() + j)];
  }
  for (T& x : total) x *= scale;
  s.to_natural(total.data(), out);
}

template <class T>
void Recurrence::forward(const T* signs, const T* v, const T* h0, const T* modrelu, int64_t batch, int64_t steps, T* h,
                         int threads) const {
  const Storage& s = data_->storage;
  const KernelTable& kernels = active_table();
  const Buffer<T> su = scaled_signs(s, signs);
  const Rows<T> threshold(s, modrelu, 1);
  const int64_t n = s.hidden_size;
  parallel_for(batch, threads, [&](int64_t i) {
    Buffer<T> scratch(size_t(2 * s.size()));
    if (h0) s.to_storage(h0 + i * n, &scratch[size_t(s.size())]);
    const Rows<T> inputs(s, v + i * steps * n, steps);
    OutRows<T> states(s, h + i * steps * n, steps);
    Recur<T> p{};
    p.geometry = data_->hadamard.geometry<T>();
    p.activation = data_->activation;
    p.limit = T(data_->limit);
    p.su = su.data();
    p.modrelu = threshold.data();
    p.rows = inputs.data();
    p.in = &scratch[size_t(s.size())];
    p.out = states.data();
    p.stride = s.size();
    p.scratch = scratch.data();
    recur(kernels, p, steps);
    states.finish();
  });
}

template <class T>
void Recurrence::backward(const T* signs, const T* h, const T* h0, const T* modrelu, const T* grad_h, int64_t batch,
                          int64_t steps, T* dv, T* dh0, T* dsigns, T* dmodrelu, int threads) const {
  const Storage& s = data_->storage;
  const KernelTable& kernels = active_table();
  const Buffer<T> su = scaled_signs(s, signs);
  const Rows<T> threshold(s, modrelu, 1);
  const int64_t n = s.hidden_size;
  Buffer<T> dsu(size_t(batch * s.size()));
  Buffer<T> dthreshold(size_t(modrelu ? batch * s.size() : 0));
  parallel_for(batch, threads, [&](int64_t i) {
    Buffer<T> scratch(size_t(5 * s.size()));
    T* carry = &scratch[size_t(3 * s.size())];
    T* start = &scratch[size_t(4 * s.size())];
    if (h0) s.to_storage(h0 + i * n, start);
    const Rows<T> states(s, h + i * steps * n, steps), grads(s, grad_h + i * steps * n, steps);
    OutRows<T> inputs(s, dv + i * steps * n, steps);
    RecurBack<T> p{};
    p.geometry = data_->hadamard.geometry<T>();
    p.activation = data_->activation;
    p.limit = T(data_->limit);
    p.su = su.data();
    p.modrelu = threshold.data();
    p.h0 = h0 ? start : nullptr;
    p.h = states.data();
    p.grad_h = grads.data();
    p.dv = inputs.data();
    p.carry = carry;
    p.dsu = &dsu[size_t(i * s.size())];
    p.dmodrelu = modrelu ? &dthreshold[size_t(i * s.size())] : nullptr;
    p.scratch = scratch.data();
    recur_back(kernels, p, steps);
    inputs.finish();
    if (dh0) s.to_natural(carry, dh0 + i * n);
  });
  sum_rows(s, dsu, batch, T(1.0 / std::sqrt(double(s.block_size))), dsigns);
  if (dmodrelu) sum_rows(s, dthreshold, batch, T(1), dmodrelu);
}

template <class T>
void Recurrence::powers(const T* signs, const T* columns, int64_t count, int64_t steps, T* out, int threads) const {
  const Storage& s = data_->storage;
  const KernelTable& kernels = active_table();
  const Buffer<T> su = scaled_signs(s, signs);
  const Buffer<T> zero(size_t(s.size()));
  const std::vector<int32_t> ids(size_t(steps), 0);  // the input is the zero row at every step
  parallel_for(count, threads, [&](int64_t c) {
    Buffer<T> scratch(size_t(s.size()));
    OutRows<T> states(s, out + c * steps * s.hidden_size, steps);
    s.to_storage(columns + c * s.hidden_size, states.data());
    Recur<T> p{};
    p.geometry = data_->hadamard.geometry<T>();
    p.activation = Activation::linear;
    p.su = su.data();
    p.rows = zero.data();
    p.ids = ids.data();
    p.in = states.data();
    p.out = states.data() + s.size();
    p.stride = s.size();
    p.scratch = scratch.data();
    if (steps > 1) recur(kernels, p, steps - 1);
    states.finish();
  });
}

template <class T>
void Recurrence::powers_backward(const T* signs, const T* powers, const T* grad, int64_t count, int64_t steps,
                                 T* dcolumns, T* dsigns, int threads) const {
  const Storage& s = data_->storage;
  const int64_t n = s.hidden_size;
  Buffer<T> dsu(size_t(count * s.size()));
  const Buffer<T> su = scaled_signs(s, signs);
  const KernelTable& kernels = active_table();
  parallel_for(count, threads, [&](int64_t c) {
    Buffer<T> scratch(size_t(3 * s.size()));
    T* carry = &scratch[size_t(2 * s.size())];
    const Rows<T> states(s, powers + c * steps * n, steps), grads(s, grad + c * steps * n, steps);
    RecurBack<T> p{};
    p.geometry = data_->hadamard.geometry<T>();
    p.su = su.data();
    p.h = states.data() + s.size();
    p.grad_h = grads.data() + s.size();
    p.carry = carry;
    p.dsu = &dsu[size_t(c * s.size())];
    p.scratch = scratch.data();
    powers_back(kernels, p, steps - 1);
    for (int64_t j = 0; j < s.size(); ++j) carry[j] += grads.data()[j];
    s.to_natural(carry, dcolumns + c * n);
  });
  sum_rows(s, dsu, count, T(1), dsigns);
  const DefaultFpEnv env;
  for (int64_t i = 0; i < n; ++i) dsigns[i] /= signs[i];
}

template <class T>
void Recurrence::transform(const T* x, int64_t count, T* out, bool transpose, int threads) const {
  const Storage& s = data_->storage;
  const KernelTable& kernels = active_table();
  const Geometry<T> g = data_->hadamard.geometry<T>();
  const int64_t chunk = std::max<int64_t>(1, 16384 / s.size());
  parallel_for((count + chunk - 1) / chunk, threads, [&](int64_t c) {
    const int64_t first = c * chunk, rows = std::min(chunk, count - first);
    Buffer<T> scratch(size_t(s.base > 1 ? s.size() : 0));
    const Rows<T> in(s, x + first * s.hidden_size, rows);
    OutRows<T> result(s, out + first * s.hidden_size, rows);
    hadamrnn::transform(kernels, g, in.data(), result.data(), scratch.data(), rows, transpose);
    result.finish();
  });
}

// For one type of numbers.
#define HADAMRNN_INSTANTIATE(T)                                                                                      \
  template Buffer<T> scaled_signs(const Storage&, const T*);                                                         \
  template void Recurrence::forward(const T*, const T*, const T*, const T*, int64_t, int64_t, T*, int) const;        \
  template void Recurrence::backward(const T*, const T*, const T*, const T*, const T*, int64_t, int64_t, T*, T*, T*, \
                                     T*, int) const;                                                                 \
  template void Recurrence::powers(const T*, const T*, int64_t, int64_t, T*, int) const;                             \
  template void Recurrence::powers_backward(const T*, const T*, const T*, int64_t, int64_t, T*, T*, int) const;      \
  template void Recurrence::transform(const T*, int64_t, T*, bool, int) const;

}  // namespace hadamrnn
