#include "hadamrnn/features.hpp"

#include "arrays.hpp"
#include "hadamrnn/classes.hpp"
#include "input.hpp"
#include "register.hpp"

namespace hadamrnn::bindings {
namespace {

Features make_features(int64_t size, bool pixels, float byte_scale, const py::object& offset, const py::object& scale,
                       bool fine) {
  FeaturesSpec spec{size, pixels, byte_scale, {}, {}, fine};
  if (!offset.is_none()) {
    spec.offset = to_vector<double>(offset, "offset", {size});
    spec.scale = to_vector<double>(scale, "scale", {size});
  }
  return Features(spec);
}

py::ssize_t read(const Features& features, const py::array& x, const py::object& out) {
  const std::optional<Number> type = number_type(x);
  if (!type || !features.takes(*type)) throw py::type_error("x must be an aligned C-contiguous array that is taken");
  const py::ssize_t d = features.size();
  if (x.ndim() == 0 || x.shape(x.ndim() - 1) != d) throw py::value_error("x must be (..., " + std::to_string(d) + ")");
  float* y = writable<float>(out, "out", Shape(x));
  const void* data = x.data();
  const int64_t rows = x.size() / d;
  const py::gil_scoped_release release;
  return features.read(data, *type, rows, y);
}

py::ssize_t nonfinite(const py::object& x) {
  if (!is_exact<float>(x)) throw py::type_error("x must be an aligned C-contiguous float32 array");
  const auto array = py::reinterpret_borrow<py::array_t<float>>(x);
  const float* data = array.data();
  const int64_t size = array.size();
  const py::gil_scoped_release release;
  return first_nonfinite(data, size);
}

// (rows, outputs) of an array (..., outputs).
struct Logits {
  explicit Logits(const py::array& y) : shape(y) {
    if (!is_exact<float>(y)) throw py::type_error("logits must be an aligned C-contiguous float32 array");
    if (y.ndim() == 0 || shape.back() == 0) throw py::value_error("logits must be (..., o)");
    outputs = shape.back();
    rows = y.size() / outputs;
    data = static_cast<const float*>(y.data());
  }
  Shape shape;
  int64_t rows, outputs;
  const float* data;
};

py::array_t<float> all_probabilities(const py::array& logits) {
  Logits y(logits);
  y.shape.back() = class_count(y.outputs);
  auto out = new_array<float>(y.shape);
  probabilities(y.data, y.rows, y.outputs, out.mutable_data());
  return out;
}

py::object top_classes(const py::array& logits, int64_t top) {
  Logits y(logits);
  if (top < 1 || top > class_count(y.outputs)) throw py::value_error("top is " + std::to_string(top));
  y.shape.back() = top;
  auto classes = new_array<int64_t>(y.shape);
  auto out = new_array<float>(y.shape);
  if (!most_probable(y.data, y.rows, y.outputs, top, classes.mutable_data(), out.mutable_data())) return py::none();
  return py::make_tuple(std::move(classes), std::move(out));
}

}  // namespace

void register_features(py::module_& m) {
  using namespace py::literals;
  py::class_<Features>(m, "Features", py::is_final())
      .def(py::init(&make_features), "size"_a, py::kw_only(), "pixels"_a = false, "byte_scale"_a = 0.0f,
           "offset"_a = py::none(), "scale"_a = py::none(), "fine"_a = false)
      .def_property_readonly("plain", &Features::plain)
      .def("read", &read, "x"_a, "out"_a);
  m.def("first_nonfinite", &nonfinite, "x"_a);
  m.def("probabilities", &all_probabilities, "logits"_a);
  m.def("most_probable", &top_classes, "logits"_a, "top"_a);
}

}  // namespace hadamrnn::bindings
