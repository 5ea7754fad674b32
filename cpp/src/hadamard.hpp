// The Hadamard matrix of a layer in the element types that the kernels use.
#pragma once

#include <vector>

#include "aligned.hpp"
#include "storage.hpp"

namespace hadamrnn {

class Hadamard {
 public:
  Hadamard() = default;
  // Throws std::invalid_argument unless core is (base, base) with entries +-1.
  Hadamard(const Storage& storage, const std::vector<int8_t>& core);

  template <class T>
  Geometry<T> geometry() const;

  // Entry of I_q (x) H_m at natural indices.
  int entry(int64_t i, int64_t j) const;

 private:
  template <class T>
  struct Core {
    Buffer<T> plain, transposed;
  };
  template <class T>
  const Core<T>& core() const;

  Storage storage_;
  Core<float> f32_;
  Core<double> f64_;
  Core<int32_t> i32_;
};

}  // namespace hadamrnn
