#pragma once

#include <pybind11/pybind11.h>

namespace hadamrnn::bindings {

void register_features(pybind11::module_& m);
void register_integer(pybind11::module_& m);
void register_isa(pybind11::module_& m);
void register_model(pybind11::module_& m);
void register_recurrence(pybind11::module_& m);
void register_stream(pybind11::module_& m);
void register_training(pybind11::module_& m);

}  // namespace hadamrnn::bindings
