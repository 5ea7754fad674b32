#include "hadamrnn/integer.hpp"

#include <pybind11/stl.h>

#include "arrays.hpp"
#include "register.hpp"

namespace hadamrnn::bindings {
namespace {

IntegerLayerSpec make_layer(const Layer& layer, int32_t state_bits, float state_scale, int32_t fraction_bits,
                            int32_t multiplier, int32_t input_multiplier, int32_t input_shift, bool narrow,
                            const py::object& bias, const py::object& modrelu) {
  IntegerLayerSpec spec{layer,  state_bits, state_scale, fraction_bits, multiplier, input_multiplier, input_shift,
                        narrow, {},         {}};
  spec.bias = to_vector<int32_t>(bias, "bias", {layer.hidden_size()});
  if (!modrelu.is_none()) spec.modrelu = to_vector<int32_t>(modrelu, "modrelu", {layer.hidden_size()});
  return spec;
}

Model make_model(const std::vector<IntegerLayerSpec>& layers, const py::object& codes, const py::object& multipliers,
                 float input_scale, int32_t input_low, int32_t input_high, const py::object& output_weight,
                 const py::object& output_bias, float logit_scale, const std::string& output,
                 const std::string& kernel) {
  if (layers.empty()) throw py::value_error("a model needs at least one layer");
  IntegerSpec spec;
  spec.layers = layers;
  const py::ssize_t n = layers.front().layer.hidden_size();
  if (multipliers.is_none()) {
    spec.codes = to_vector<int8_t>(codes, "codes", {n, -1});
    spec.input_size = py::ssize_t(spec.codes.size()) / n;
  } else {
    spec.codes = to_vector<int8_t>(codes, "codes", {-1, n});
    spec.tokens_count = py::ssize_t(spec.codes.size()) / n;
    spec.multipliers = to_vector<int32_t>(multipliers, "multipliers", {spec.tokens_count});
  }
  spec.input_scale = input_scale;
  spec.input_low = input_low;
  spec.input_high = input_high;
  const py::ssize_t last = layers.back().layer.hidden_size();
  spec.integer_readout = is_exact<int8_t>(output_weight);
  if (spec.integer_readout) {
    spec.output_offset = to_vector<int32_t>(output_bias, "output_bias", {-1});
    spec.output_size = py::ssize_t(spec.output_offset.size());
    spec.output_codes = to_vector<int8_t>(output_weight, "output_weight", {spec.output_size, last});
  } else {
    spec.output_bias = to_vector<float>(output_bias, "output_bias", {-1});
    spec.output_size = py::ssize_t(spec.output_bias.size());
    spec.output_weight = to_vector<float>(output_weight, "output_weight", {spec.output_size, last});
  }
  spec.logit_scale = logit_scale;
  spec.output = parse_output(output);
  spec.kernel = parse_kernel(kernel);
  return Model(spec);
}

}  // namespace

void register_integer(py::module_& m) {
  using namespace py::literals;
  py::class_<IntegerLayerSpec>(m, "IntegerLayer", py::is_final())
      .def(py::init(&make_layer), py::kw_only(), "layer"_a, "state_bits"_a, "state_scale"_a, "fraction_bits"_a,
           "multiplier"_a, "input_multiplier"_a, "input_shift"_a, "narrow"_a, "bias"_a, "modrelu"_a = py::none());
  m.def("integer_model", &make_model, "layers"_a, py::kw_only(), "codes"_a, "multipliers"_a, "input_scale"_a,
        "input_low"_a, "input_high"_a, "output_weight"_a, "output_bias"_a, "logit_scale"_a, "output"_a,
        "kernel"_a = "auto");
}

}  // namespace hadamrnn::bindings
