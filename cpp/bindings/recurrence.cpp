#include "hadamrnn/recurrence.hpp"

#include "arrays.hpp"
#include "long_call.hpp"
#include "register.hpp"

namespace hadamrnn::bindings {
namespace {

Recurrence make(int64_t hidden_size, int64_t block_size, const py::object& core, const std::string& recurrence) {
  const auto base = exact<int8_t>(core, "core", {-1, -1});
  return Recurrence(hidden_size, block_size, int32_t(base.shape(0)),
                    to_vector<int8_t>(core, "core", {base.shape(0), base.shape(0)}), recurrence);
}

// Calls f with a float or double according to the dtype of `array`.
template <class F>
void by_dtype(const py::object& array, const F& f) {
  if (py::array_t<double>::check_(array)) {
    f(double());
  } else {
    f(float());
  }
}

void check_threshold(const Recurrence& r, const py::object& modrelu) {
  if (r.has_threshold() == modrelu.is_none()) {
    throw py::value_error(r.has_threshold() ? "recurrence 'modrelu' needs modrelu"
                                            : "modrelu is for recurrence 'modrelu' only");
  }
}

void forward(const Recurrence& r, const py::object& signs, const py::object& v, const py::object& h0,
             const py::object& modrelu, const py::object& h_out, int threads) {
  check_threshold(r, modrelu);
  by_dtype(v, [&](auto zero) {
    using T = decltype(zero);
    const py::ssize_t n = r.hidden_size();
    const auto input = exact<T>(v, "v", {-1, -1, n});
    const py::ssize_t batch = input.shape(0), steps = input.shape(1);
    const T* s = exact<T>(signs, "signs", {n}).data();
    const T* start = optional<T>(h0, "h0", {batch, n});
    const T* threshold = optional<T>(modrelu, "modrelu", {n});
    T* h = writable<T>(h_out, "h_out", {batch, steps, n});
    const LongCall call;
    r.forward(s, input.data(), start, threshold, batch, steps, h, threads);
  });
}

void backward(const Recurrence& r, const py::object& signs, const py::object& h, const py::object& h0,
              const py::object& modrelu, const py::object& grad_h, const py::object& dv_out, const py::object& dh0_out,
              const py::object& dsigns_out, const py::object& dmodrelu_out, int threads) {
  check_threshold(r, modrelu);
  by_dtype(h, [&](auto zero) {
    using T = decltype(zero);
    const py::ssize_t n = r.hidden_size();
    const auto states = exact<T>(h, "h", {-1, -1, n});
    const py::ssize_t batch = states.shape(0), steps = states.shape(1);
    const T* s = exact<T>(signs, "signs", {n}).data();
    const T* start = optional<T>(h0, "h0", {batch, n});
    const T* threshold = optional<T>(modrelu, "modrelu", {n});
    const T* grad = exact<T>(grad_h, "grad_h", {batch, steps, n}).data();
    T* dv = writable<T>(dv_out, "dv_out", {batch, steps, n});
    T* dh0 = dh0_out.is_none() ? nullptr : writable<T>(dh0_out, "dh0_out", {batch, n});
    T* dsigns = writable<T>(dsigns_out, "dsigns_out", {n});
    T* dthreshold = dmodrelu_out.is_none() ? nullptr : writable<T>(dmodrelu_out, "dmodrelu_out", {n});
    const LongCall call;
    r.backward(s, states.data(), start, threshold, grad, batch, steps, dv, dh0, dsigns, dthreshold, threads);
  });
}

void powers(const Recurrence& r, const py::object& signs, const py::object& columns, const py::object& out,
            int threads) {
  by_dtype(columns, [&](auto zero) {
    using T = decltype(zero);
    const py::ssize_t n = r.hidden_size();
    const auto starts = exact<T>(columns, "columns", {-1, n});
    const auto result = exact<T>(out, "out", {starts.shape(0), -1, n});
    const T* s = exact<T>(signs, "signs", {n}).data();
    T* k = writable<T>(out, "out", {-1, -1, n});
    const py::ssize_t steps = result.shape(1);
    if (steps < 1) throw py::value_error("out has no steps");
    const LongCall call;
    r.powers(s, starts.data(), starts.shape(0), steps, k, threads);
  });
}

void powers_backward(const Recurrence& r, const py::object& signs, const py::object& powers, const py::object& grad,
                     const py::object& dcolumns_out, const py::object& dsigns_out, int threads) {
  by_dtype(powers, [&](auto zero) {
    using T = decltype(zero);
    const py::ssize_t n = r.hidden_size();
    const auto k = exact<T>(powers, "powers", {-1, -1, n});
    const py::ssize_t count = k.shape(0), steps = k.shape(1);
    if (steps < 1) throw py::value_error("powers has no steps");
    const T* s = exact<T>(signs, "signs", {n}).data();
    const T* g = exact<T>(grad, "grad", {count, steps, n}).data();
    T* dcolumns = writable<T>(dcolumns_out, "dcolumns_out", {count, n});
    T* dsigns = writable<T>(dsigns_out, "dsigns_out", {n});
    const LongCall call;
    r.powers_backward(s, k.data(), g, count, steps, dcolumns, dsigns, threads);
  });
}

void transform(const Recurrence& r, const py::object& x, const py::object& out, bool transpose, int threads) {
  by_dtype(x, [&](auto zero) {
    using T = decltype(zero);
    const py::ssize_t n = r.hidden_size();
    const auto in = exact<T>(x, "x", {-1, n});
    T* y = writable<T>(out, "out", {in.shape(0), n});
    const LongCall call;
    r.transform(in.data(), in.shape(0), y, transpose, threads);
  });
}

}  // namespace

void register_recurrence(py::module_& m) {
  using namespace py::literals;
  py::class_<Recurrence>(m, "Recurrence", py::is_final())
      .def(py::init(&make), py::kw_only(), "hidden_size"_a, "block_size"_a, "core"_a, "recurrence"_a)
      .def("forward", &forward, "signs"_a, "v"_a, "h0"_a, "modrelu"_a, "h_out"_a, "num_threads"_a)
      .def("backward", &backward, "signs"_a, "h"_a, "h0"_a, "modrelu"_a, "grad_h"_a, "dv_out"_a, "dh0_out"_a,
           "dsigns_out"_a, "dmodrelu_out"_a, "num_threads"_a)
      .def("powers", &powers, "signs"_a, "columns"_a, "out"_a, "num_threads"_a)
      .def("powers_backward", &powers_backward, "signs"_a, "powers"_a, "grad"_a, "dcolumns_out"_a, "dsigns_out"_a,
           "num_threads"_a)
      .def("transform", &transform, "x"_a, "out"_a, "transpose"_a, "num_threads"_a);
}

}  // namespace hadamrnn::bindings
