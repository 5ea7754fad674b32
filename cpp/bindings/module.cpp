#include "hadamrnn/prepare_to_throw.hpp"
#include "register.hpp"

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
  hadamrnn::prepare_to_throw();
  m.doc() = "C++ core of hadamrnn_ext; the interface is written down in _core.pyi";
  hadamrnn::bindings::register_isa(m);
  hadamrnn::bindings::register_model(m);
  hadamrnn::bindings::register_integer(m);
  hadamrnn::bindings::register_recurrence(m);
  hadamrnn::bindings::register_training(m);
}
