#include "hadamrnn/isa.hpp"

#include <pybind11/stl.h>

#include <cmath>

#include "arrays.hpp"
#include "register.hpp"

namespace hadamrnn::bindings {

void register_isa(py::module_& m) {
  m.def("isa_available", [] {
    std::vector<std::string> names;
    for (int i = 0; i < isa_count; ++i) {
      if (isa_available(Isa(i))) names.emplace_back(isa_name(Isa(i)));
    }
    return names;
  });
  m.def("isa_active", [] { return isa_name(isa_active()); });
  m.def(
      "isa_use", [](const std::string& name) { isa_use(name.c_str()); }, py::arg("name"));
  m.def(
      "first_nonfinite",
      [](const py::object& x) -> py::ssize_t {
        if (!is_exact<float>(x)) throw py::type_error("x must be an aligned C-contiguous float32 array");
        const auto array = py::reinterpret_borrow<py::array_t<float>>(x);
        const float* data = array.data();
        for (py::ssize_t i = 0; i < array.size(); ++i) {
          if (!std::isfinite(data[i])) return i;
        }
        return -1;
      },
      py::arg("x"));
}

}  // namespace hadamrnn::bindings
