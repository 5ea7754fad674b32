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

BlockSpec make_blocks(const Layer& layer, int32_t state_bits, int32_t fraction_bits, int32_t product_shift,
                      bool is_short, const py::object& scale, const py::object& multiplier,
                      const py::object& input_multiplier, const py::object& input_bound, const py::object& bias,
                      const py::object& input_shift, bool rectified, bool differences, const py::object& thresholds,
                      bool excess, bool share, int32_t time_constant) {
  BlockSpec spec{layer, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  spec.state_bits = state_bits;
  spec.fraction_bits = fraction_bits;
  spec.product_shift = product_shift;
  spec.is_short = is_short;
  spec.scale = to_vector<float>(scale, "scale", {-1});
  const auto q = py::ssize_t(spec.scale.size()), n = py::ssize_t(layer.hidden_size());
  spec.multiplier = to_vector<int32_t>(multiplier, "multiplier", {q});
  spec.input_shift = to_vector<int32_t>(input_shift, "input_shift", {q});
  if (!input_multiplier.is_none())
    spec.input_multiplier = to_vector<int32_t>(input_multiplier, "input_multiplier", {q});
  if (!input_bound.is_none()) spec.input_bound = to_vector<int32_t>(input_bound, "input_bound", {q});
  if (!bias.is_none()) spec.bias = to_vector<int32_t>(bias, "bias", {n});
  spec.rectified = rectified;
  spec.differences = differences;
  if (!thresholds.is_none()) {
    spec.thresholds = to_vector<int32_t>(thresholds, "thresholds", {-1, n});
    spec.count = int64_t(spec.thresholds.size()) / n;
  }
  spec.excess = excess;
  spec.share = share;
  spec.time_constant = time_constant;
  return spec;
}

Model make_model(const std::vector<IntegerLayerSpec>& layers, const std::optional<BlockSpec>& blocks,
                 const py::object& codes, const py::object& multipliers, float input_scale, int32_t input_low,
                 int32_t input_high, const py::object& output_weight, const py::object& output_bias, float logit_scale,
                 const std::string& output, const std::string& kernel) {
  if (layers.empty() != blocks.has_value()) throw py::value_error("a model needs at least one layer, or blocks");
  IntegerSpec spec;
  spec.layers = layers;
  spec.blocks = blocks;
  const Layer& first = blocks ? blocks->layer : layers.front().layer;
  const py::ssize_t n = first.hidden_size();
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
  spec.integer_readout = is_exact<int8_t>(output_weight);
  if (spec.integer_readout) {
    spec.output_offset = to_vector<int32_t>(output_bias, "output_bias", {-1});
    spec.output_size = py::ssize_t(spec.output_offset.size());
    spec.output_codes = to_vector<int8_t>(output_weight, "output_weight", {spec.output_size, -1});
  } else {
    spec.output_bias = to_vector<float>(output_bias, "output_bias", {-1});
    spec.output_size = py::ssize_t(spec.output_bias.size());
    spec.output_weight = to_vector<float>(output_weight, "output_weight", {spec.output_size, -1});
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
  py::class_<BlockSpec>(m, "IntegerBlocks", py::is_final())
      .def(py::init(&make_blocks), py::kw_only(), "layer"_a, "state_bits"_a, "fraction_bits"_a, "product_shift"_a,
           "is_short"_a, "scale"_a, "multiplier"_a, "input_multiplier"_a, "input_bound"_a, "bias"_a, "input_shift"_a,
           "rectified"_a, "differences"_a, "thresholds"_a, "excess"_a, "share"_a, "time_constant"_a);
  m.def("integer_model", &make_model, "layers"_a, py::kw_only(), "blocks"_a = py::none(), "codes"_a, "multipliers"_a,
        "input_scale"_a, "input_low"_a, "input_high"_a, "output_weight"_a, "output_bias"_a, "logit_scale"_a, "output"_a,
        "kernel"_a = "auto");
}

}  // namespace hadamrnn::bindings
