#include "arrays.hpp"

#include <string>

namespace hadamrnn::bindings {
namespace {

std::string to_text(const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.ndim(); ++i) {
    const py::ssize_t size = shape.data()[i];
    text += (i > 0 ? ", " : "") + (size < 0 ? std::string("*") : std::to_string(size));
  }
  return text + ")";
}

}  // namespace

void check_array(const py::object& object, bool exact, PyObject* dtype, const char* name, const Shape& shape) {
  if (!exact) {
    throw py::type_error(std::string(name) + " must be an aligned C-contiguous NumPy array of " +
                         std::string(py::str(py::handle(dtype))));
  }
  const auto array = py::reinterpret_borrow<py::array>(object);
  bool fits = array.ndim() == shape.ndim();
  for (int i = 0; fits && i < shape.ndim(); ++i) fits = shape.data()[i] < 0 || shape.data()[i] == array.shape(i);
  if (fits) return;
  throw py::value_error(std::string(name) + " has shape " + to_text(Shape(array)) + ", expected " + to_text(shape));
}

}  // namespace hadamrnn::bindings
