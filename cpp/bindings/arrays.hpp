// NumPy arrays as the core takes them: checked, never converted or copied behind the caller's back.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

namespace hadamrnn::bindings {

namespace py = pybind11;
using Shape = std::vector<py::ssize_t>;  // -1: any size

inline std::string to_text(const Shape& shape) {
  std::string text = "(";
  for (const py::ssize_t s : shape)
    text += (text.size() > 1 ? ", " : "") + (s < 0 ? std::string("*") : std::to_string(s));
  return text + ")";
}

// NumPy's own float32, int32 ...: one object for nearly all arrays, so that a pointer tells the dtype.
template <class T>
PyObject* builtin_dtype() {
  static PyObject* const dtype = py::dtype::of<T>().release().ptr();
  return dtype;
}

// True for an aligned C-contiguous array of exactly T.
template <class T>
bool is_exact(py::handle object) {
  constexpr int flags = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if (!py::isinstance<py::array>(object)) return false;
  const bool same = py::detail::array_proxy(object.ptr())->descr == builtin_dtype<T>();
  return (same || py::array_t<T>::check_(object)) && py::detail::check_flags(object.ptr(), flags);
}

// A new array, without the vectors of shape and strides that pybind11 makes on the way.
template <class T>
py::array_t<T> new_array(int ndim, const Py_ssize_t* shape) {
  auto& api = py::detail::npy_api::get();
  PyObject* dtype = builtin_dtype<T>();
  Py_INCREF(dtype);  // NewFromDescr takes a reference
  PyObject* array = api.PyArray_NewFromDescr_(api.PyArray_Type_, dtype, ndim, const_cast<Py_intptr_t*>(shape), nullptr,
                                              nullptr, 0, nullptr);
  if (!array) throw py::error_already_set();
  return py::reinterpret_steal<py::array_t<T>>(array);
}

// A view of `object`, whose dtype, layout and shape must be exactly these.
template <class T>
py::array_t<T> exact(const py::object& object, const char* name, const Shape& shape) {
  if (!is_exact<T>(object)) {
    throw py::type_error(std::string(name) + " must be an aligned C-contiguous NumPy array of " +
                         std::string(py::str(py::dtype::of<T>())));
  }
  auto array = py::reinterpret_borrow<py::array_t<T>>(object);
  bool fits = array.ndim() == py::ssize_t(shape.size());
  for (size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] < 0 || shape[i] == array.shape(py::ssize_t(i));
  if (!fits) {
    throw py::value_error(std::string(name) + " has shape " +
                          to_text(Shape(array.shape(), array.shape() + array.ndim())) + ", expected " + to_text(shape));
  }
  return array;
}

template <class T>
std::vector<T> to_vector(const py::object& object, const char* name, const Shape& shape) {
  const auto array = exact<T>(object, name, shape);
  return std::vector<T>(array.data(), array.data() + array.size());
}

// Null for None.
template <class T>
const T* optional(const py::object& object, const char* name, const Shape& shape) {
  return object.is_none() ? nullptr : exact<T>(object, name, shape).data();
}

template <class T>
T* writable(const py::object& object, const char* name, const Shape& shape) {
  return exact<T>(object, name, shape).mutable_data();  // raises for a read-only array
}

}  // namespace hadamrnn::bindings
