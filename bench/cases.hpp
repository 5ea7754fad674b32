// What is timed: each kernel of a table on made-up data that stays in the first-level cache where
// the issue of speed is arithmetic, and grows out of it where it is scaling.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "aligned.hpp"
#include "hadamard.hpp"
#include "packed.hpp"
#include "timing.hpp"

namespace hadamrnn::bench {

// `make` prepares the data and returns the work, which does `units` units (products, transforms,
// time steps) at a call.
struct Case {
  std::string id;
  int64_t units;
  std::function<Work(const KernelTable&)> make;
};

// Uniform in [-1, 1), the same numbers on every machine.
class Random {
 public:
  float operator()() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return float(int32_t(state_ >> 32)) * (1.0f / 2147483648.0f);
  }
  int sign() { return (*this)() < 0 ? -1 : 1; }
  Buffer<float> floats(int64_t n) {
    Buffer<float> x(static_cast<size_t>(n));
    for (float& v : x) v = (*this)();
    return x;
  }

 private:
  uint64_t state_ = 1;
};

// Data that a piece of work shares with its copies.
template <class T>
std::shared_ptr<T> share(T value) {
  return std::make_shared<T>(std::move(value));
}

// Time steps of a linear recurrence with one block and one input, as models of pixels run it.
inline Work step(const KernelTable& k, int64_t n, int64_t steps) {
  Random random;
  const auto hadamard = share(Hadamard(Storage(n, n, 1), {1}));
  const auto su = share(Buffer<float>(size_t(n)));
  for (float& s : *su) s = float(random.sign() / std::sqrt(double(n)));
  const auto weight = share(random.floats(n)), bias = share(random.floats(n)), h = share(random.floats(n));
  const auto x = share(random.floats(steps));
  return [=, &k] {
    Recur<float> p{};
    p.geometry = hadamard->geometry<float>();
    p.su = su->data();
    p.x = x->data();
    p.weight = weight->data();
    p.bias = bias->data();
    p.in = p.out = h->data();
    k.recur_f32(p, steps);
  };
}

template <class T>
using Transform = void (*)(const Geometry<T>&, const T* in, T* out, T* scratch, int64_t count, bool transpose);

template <class T>
Work transform(Transform<T> kernel, int64_t n, int64_t rows) {
  Random random;
  Geometry<T> g{n, 0, 1, nullptr, nullptr};
  while ((int64_t(1) << g.log2) < n) ++g.log2;
  const auto in = share(Buffer<T>(size_t(n * rows))), out = share(Buffer<T>(size_t(n * rows)));
  for (T& v : *in) v = T(50 * random());
  return [=] { kernel(g, in->data(), out->data(), nullptr, rows, false); };
}

// A dense +-1 matrix with 1-bit activations, packing included.
inline Work xnor_signs(const KernelTable& k, int64_t n) {
  Random random;
  const auto matrix = share(PackedBinary(n, n, [&](int64_t, int64_t) { return random.sign(); }));
  const auto x = share(random.floats(n));
  const auto bits = share(Buffer<uint64_t>(size_t((n + 63) / 64)));
  const auto y = share(Buffer<int32_t>(size_t(matrix->padded_rows())));
  return [=, &k] {
    k.pack_signs_f32(x->data(), n, bits->data());
    k.xnor_signs_i32(matrix->matrix(), bits->data(), y->data());
  };
}

// The same with activations of `depth` bits.
inline Work xnor(const KernelTable& k, int64_t n, int32_t depth) {
  Random random;
  const auto matrix = share(PackedBinary(n, n, [&](int64_t, int64_t) { return random.sign(); }));
  const auto x = share(Buffer<int32_t>(size_t(n)));
  for (int32_t& v : *x) v = int32_t(random() * float(1 << (depth - 1)));
  const auto y = share(Buffer<int32_t>(size_t(matrix->padded_rows())));
  return [=, &k] { k.xnor_i32(matrix->matrix(), x->data(), depth, y->data()); };
}

// A ternary matrix with +-1 blocks, `block` wide, on its diagonal.
inline Work masked_add(const KernelTable& k, int64_t n, int64_t block) {
  Random random;
  const auto matrix =
      share(PackedTernary(n, n, [&](int64_t i, int64_t j) { return i / block == j / block ? random.sign() : 0; }));
  const auto x = share(random.floats(n));
  const auto y = share(Buffer<float>(size_t(matrix->padded_rows())));
  return [=, &k] { k.masked_add_f32(matrix->matrix(), x->data(), y->data()); };
}

inline Work readout(const KernelTable& k, int64_t n, int64_t o, int64_t states) {
  Random random;
  const auto weight = share(random.floats(o * n)), bias = share(random.floats(o));
  const auto h = share(random.floats(states * n)), y = share(random.floats(states * o));
  return [=, &k] { k.readout_f32(weight->data(), bias->data(), h->data(), n, o, states, y->data()); };
}

inline Work project(const KernelTable& k, int64_t n, int64_t d, int64_t steps) {
  Random random;
  const auto weight = share(random.floats(d * n)), bias = share(random.floats(n));
  const auto x = share(random.floats(steps * d)), v = share(random.floats(steps * n));
  return [=, &k] {
    k.project_f32(weight->data(), bias->data(), x->data(), d, n, steps, InputActivation::linear, v->data());
  };
}

inline std::vector<Case> all_cases() {
  const auto with = [](const char* name, int64_t n) { return name + std::to_string(n); };
  std::vector<Case> cases;
  for (int64_t n = 64; n <= 16384; n *= 2) {
    const int64_t steps = std::max<int64_t>(16, 65536 / n);
    cases.push_back({with("step_n", n), steps, [=](const KernelTable& k) { return step(k, n, steps); }});
  }
  for (int64_t n = 64; n <= 8192; n *= 2) {  // 64 kB of rows
    const int64_t rows = 16384 / n;
    cases.push_back({with("fwht_f32_n", n), rows,
                     [=](const KernelTable& k) { return transform<float>(k.transform_f32, n, rows); }});
  }
  cases.push_back(
      {"fwht_i32_n512", 32, [](const KernelTable& k) { return transform<int32_t>(k.transform_i32, 512, 32); }});
  cases.push_back({"xnor_n512_k1", 1, [](const KernelTable& k) { return xnor_signs(k, 512); }});
  cases.push_back({"xnor_n512_k12", 1, [](const KernelTable& k) { return xnor(k, 512, 12); }});
  cases.push_back({"masked_add_n1024_d16", 1, [](const KernelTable& k) { return masked_add(k, 1024, 64); }});
  cases.push_back({"readout_n512_o10", 16, [](const KernelTable& k) { return readout(k, 512, 10, 16); }});
  cases.push_back({"readout_n128_o9", 16, [](const KernelTable& k) { return readout(k, 128, 9, 16); }});
  // As many steps at a time as models of 512 units take.
  cases.push_back({"project_n512_d9", 8, [](const KernelTable& k) { return project(k, 512, 9, 8); }});
  cases.push_back({"project_n512_d32", 8, [](const KernelTable& k) { return project(k, 512, 32, 8); }});
  cases.push_back({"project_n128_d10", 16, [](const KernelTable& k) { return project(k, 128, 10, 16); }});
  return cases;
}

}  // namespace hadamrnn::bench
