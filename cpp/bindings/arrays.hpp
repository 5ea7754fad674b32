// NumPy arrays as the core takes them: checked, never converted or copied behind the caller's back.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <initializer_list>
#include <vector>

namespace hadamrnn::bindings {

namespace py = pybind11;

// A shape; -1: any size. Without memory of its own, so that a call that names one has nothing to clean up.
class Shape {
 public:
  Shape(std::initializer_list<py::ssize_t> sizes) {
    for (const py::ssize_t size : sizes) sizes_[ndim_++] = size;
  }
  explicit Shape(const py::array& array) {
    for (; ndim_ < array.ndim(); ++ndim_) sizes_[ndim_] = array.shape(ndim_);
  }
  int ndim() const { return ndim_; }
  const py::ssize_t* data() const { return sizes_; }
  py::ssize_t& back() { return sizes_[ndim_ - 1]; }

 private:
  int ndim_ = 0;
  py::ssize_t sizes_[64];  // as many axes as NumPy has
};

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
py::array_t<T> new_array(const Shape& shape) {
  auto& api = py::detail::npy_api::get();
  PyObject* dtype = builtin_dtype<T>();
  Py_INCREF(dtype);  // NewFromDescr takes a reference
  PyObject* array = api.PyArray_NewFromDescr_(api.PyArray_Type_, dtype, shape.ndim(),
                                              const_cast<Py_intptr_t*>(shape.data()), nullptr, nullptr, 0, nullptr);
  if (!array) throw py::error_already_set();
  return py::reinterpret_steal<py::array_t<T>>(array);
}

// Raises what is wrong with an array that is not of this dtype and layout, or not of this shape.
void check_array(const py::object& object, bool exact, PyObject* dtype, const char* name, const Shape& shape);

// A view of `object`, whose dtype, layout and shape must be exactly these.
template <class T>
py::array_t<T> exact(const py::object& object, const char* name, const Shape& shape) {
  check_array(object, is_exact<T>(object), builtin_dtype<T>(), name, shape);
  return py::reinterpret_borrow<py::array_t<T>>(object);
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
