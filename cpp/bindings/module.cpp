#include "hadamrnn/prepare_to_throw.hpp"
#include "register.hpp"

namespace {

// NumPy does not support subinterpreters, and loaded in one it can be lost for the main interpreter.
void refuse_subinterpreters() {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return;
  throw pybind11::import_error(
      "hadamrnn_ext works in the main interpreter of a process only, not in subinterpreters "
      "(mod_wsgi: WSGIApplicationGroup %{GLOBAL})");
}

}  // namespace

// The entry point that pybind11 makes gets another name: ours goes before it.
#define PyInit__core init_core
PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
  refuse_subinterpreters();  // from Python 3.13 on, which calls the entry point in the main interpreter
  hadamrnn::prepare_to_throw();
  m.doc() = "C++ core of hadamrnn_ext; the interface is written down in _core.pyi";
  hadamrnn::bindings::register_isa(m);
  hadamrnn::bindings::register_features(m);
  hadamrnn::bindings::register_model(m);
  hadamrnn::bindings::register_integer(m);
  hadamrnn::bindings::register_recurrence(m);
  hadamrnn::bindings::register_stream(m);
  hadamrnn::bindings::register_training(m);
}
#undef PyInit__core

// Up to Python 3.11 pybind11 waits in a subinterpreter, for ever, for the lock that the same thread holds.
PyMODINIT_FUNC PyInit__core() {
  try {
    refuse_subinterpreters();
  } catch (const pybind11::import_error& error) {
    error.set_error();
    return nullptr;
  }
  return init_core();
}
