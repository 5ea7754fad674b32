// Back through the recurrence (DESIGN of the gradient: G_t = dL/dh_t + W^T dz_(t+1)).
//   dz_t = act'(z_t) G_t,  dv_t = dz_t,  dL/d(su) = sum_t dz_t * (H h_(t-1))
// H h_(t-1) is computed again, which is right for every activation and costs one transform a step.
#pragma once

#include "kernels/fwht-inl.hpp"

namespace hadamrnn {
namespace HADAMRNN_ISA {

// The gradient dz where the state is inside its limits; none where it is at one.
template <class V>
HADAMRNN_INLINE typename V::reg unsaturated(typename V::reg dz, typename V::reg state, typename V::T limit) {
  return V::keep_positive(V::keep_positive(dz, V::sub(state, V::set(-limit))), V::sub(V::set(limit - 1), state));
}

// dz = act'(z) * (grad + carry), written to dv; su * dz to `scaled`. The pointers are copied first: read through
// p they would be loaded again after every store.
template <class V>
void activation_back(const RecurBack<typename V::T>& p, const typename V::T* h, const typename V::T* grad,
                     typename V::T* dv, typename V::T* scaled) {
  using reg = typename V::reg;
  const int64_t size = p.geometry.size();
  const Activation activation = p.activation;
  const typename V::T limit = p.limit;
  const typename V::T *su = p.su, *carry = p.carry;
  typename V::T* dmodrelu = p.dmodrelu;
  for (int64_t j = 0; j < size; j += V::W) {
    reg dz = V::load(carry + j);
    if (grad) dz = V::add(V::load(grad + j), dz);
    if (limit > 0) dz = unsaturated<V>(dz, V::load(h + j), limit);
    if (activation == Activation::relu) {
      dz = V::keep_positive(dz, V::load(h + j));
    } else if (activation == Activation::modrelu) {
      // h = 0 exactly where the unit is off, and it has the sign of z elsewhere.
      const reg state = V::load(h + j);
      const reg da = V::mul_sign(dz, state);
      V::store(dmodrelu + j, V::add(V::load(dmodrelu + j), da));
      dz = V::mul_sign(da, state);
    }  // sign: straight-through
    V::store(dv + j, dz);
    V::store(scaled + j, V::mul(V::load(su + j), dz));
  }
}

template <class V>
void recur_back(const RecurBack<typename V::T>& p, int64_t steps) {
  using T = typename V::T;
  const int64_t n = p.geometry.size();
  T* scaled = p.scratch;
  T* product = p.scratch + n;
  T* inner = p.scratch + 2 * n;
  for (int64_t t = steps - 1; t >= 0; --t) {
    const T* h = p.h + t * n;
    T* dv = p.dv + t * n;
    activation_back<V>(p, h, p.grad_h + t * n, dv, scaled);
    const T* before = t > 0 ? h - n : p.h0;
    if (before) {
      transform<V>(p.geometry, before, product, inner, false);
      for (int64_t j = 0; j < n; j += V::W) {
        const auto sum = V::add(V::load(p.dsu + j), V::mul(V::load(dv + j), V::load(product + j)));
        V::store(p.dsu + j, sum);
      }
    }
    transform<V>(p.geometry, scaled, p.carry, inner, true);
  }
}

// Back through h_t = su * H h_(t-1), the powers of W: without an input, su * H h_(t-1) is h_t itself,
// so dL/d(su) = (sum_t G_t * h_t) / su and no product is computed again. `dsu` receives the sum
// without the division, which the caller does once.
template <class V>
void powers_back(const RecurBack<typename V::T>& p, int64_t steps) {
  using T = typename V::T;
  const int64_t n = p.geometry.size();
  T* scaled = p.scratch;
  T* inner = p.scratch + n;
  for (int64_t t = steps - 1; t >= 0; --t) {
    const T* h = p.h + t * n;
    const T* grad = p.grad_h + t * n;
    for (int64_t j = 0; j < n; j += V::W) {
      const typename V::reg dz = V::add(V::load(grad + j), V::load(p.carry + j));
      V::store(p.dsu + j, V::add(V::load(p.dsu + j), V::mul(dz, V::load(h + j))));
      V::store(scaled + j, V::mul(V::load(p.su + j), dz));
    }
    transform<V>(p.geometry, scaled, p.carry, inner, true);
  }
}

}  // namespace HADAMRNN_ISA
}  // namespace hadamrnn
