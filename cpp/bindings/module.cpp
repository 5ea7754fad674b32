#include "hadamrnn/prepare_to_throw.hpp"
#include "register.hpp"

// The entry point that pybind11 makes gets another name: ours goes before it.
#define PyInit__core init_core
PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
  hadamrnn::prepare_to_throw();
  m.doc() = "C++ core of hadamrnn_ext; the interface is written down in _core.pyi";
  hadamrnn::bindings::register_isa(m);
  hadamrnn::bindings::register_model(m);
  hadamrnn::bindings::register_integer(m);
  hadamrnn::bindings::register_recurrence(m);
  hadamrnn::bindings::register_training(m);
}
#undef PyInit__core

// NumPy does not support subinterpreters, and up to Python 3.11 pybind11 waits in one, for ever, for the lock that the
// same thread holds.
PyMODINIT_FUNC PyInit__core() {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_ImportError,
                    "hadamrnn_ext works in the main interpreter of a process only, not in subinterpreters "
                    "(mod_wsgi: WSGIApplicationGroup %{GLOBAL})");
    return nullptr;
  }
  return init_core();
}
