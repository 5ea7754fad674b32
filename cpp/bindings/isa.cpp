#include "hadamrnn/isa.hpp"

#include <pybind11/stl.h>

#include "register.hpp"

namespace hadamrnn::bindings {

namespace py = pybind11;

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
}

}  // namespace hadamrnn::bindings
