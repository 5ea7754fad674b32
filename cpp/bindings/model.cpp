#include "hadamrnn/model.hpp"

#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "input.hpp"
#include "long_call.hpp"
#include "register.hpp"

namespace hadamrnn::bindings {
namespace {

Layer make_layer(int64_t block_size, const py::object& core, const py::object& signs, const py::object& bias,
                 const std::string& recurrence, const py::object& modrelu, const py::object& input_signs,
                 const py::object& decays) {
  LayerSpec spec;
  const auto base = exact<int8_t>(core, "core", {-1, -1});
  spec.core = to_vector<int8_t>(core, "core", {base.shape(0), base.shape(0)});
  spec.base = int32_t(base.shape(0));
  spec.signs = to_vector<int8_t>(signs, "signs", {-1});
  const auto n = py::ssize_t(spec.signs.size());
  spec.hidden_size = n;
  spec.block_size = block_size;
  spec.bias = to_vector<float>(bias, "bias", {n});
  spec.recurrence = recurrence;
  if (!modrelu.is_none()) spec.modrelu = to_vector<float>(modrelu, "modrelu", {n});
  if (!decays.is_none()) spec.decays = to_vector<uint8_t>(decays, "decays", {n / block_size});
  if (!input_signs.is_none()) {
    spec.input_signs = to_vector<int8_t>(input_signs, "input_signs", {n, -1});
    spec.input_size = py::ssize_t(spec.input_signs.size()) / n;
  }
  return Layer(spec);
}

Model make_model(const std::vector<Layer>& layers, const py::object& input_weight, const py::object& embedding,
                 bool tokens, const py::object& output_weight, const py::object& output_bias, const std::string& output,
                 const std::string& kernel, const std::string& input_activation, bool differences,
                 const py::object& thresholds, bool excess, bool share, int32_t time_constant) {
  if (layers.empty()) throw py::value_error("a model needs at least one layer");
  ModelSpec spec;
  spec.layers = layers;
  spec.input_weight = to_vector<float>(input_weight, "input_weight", {layers.front().hidden_size(), -1});
  spec.input_size = int64_t(spec.input_weight.size()) / layers.front().hidden_size();
  spec.tokens = tokens;
  if (!embedding.is_none()) {
    spec.embedding = to_vector<float>(embedding, "embedding", {-1, spec.input_size});
    spec.tokens_count = int64_t(spec.embedding.size()) / spec.input_size;
  }
  spec.output_bias = to_vector<float>(output_bias, "output_bias", {-1});
  spec.output_size = int64_t(spec.output_bias.size());
  spec.output_weight = to_vector<float>(output_weight, "output_weight", {spec.output_size, -1});
  spec.input_activation = input_activation;
  spec.differences = differences;
  if (!thresholds.is_none()) {
    const auto values = exact<float>(thresholds, "thresholds", {-1, layers.back().hidden_size()});
    spec.pool = {std::vector<float>(values.data(), values.data() + values.size()), values.shape(0), excess, share,
                 time_constant};
  }
  spec.output = parse_output(output);
  spec.kernel = parse_kernel(kernel);
  return Model(spec);
}

// Where and when the first sequence left the finite numbers, as (sequence, step), or None.
py::object infer(const Model& model, const py::object& x, const py::object& lengths, const py::object& out, int threads,
                 bool check_finite) {
  Batch batch = to_batch(model, x, -1);
  batch.lengths = optional<int64_t>(lengths, "lengths", {batch.size});
  if (batch.steps < 1) throw py::value_error("x has no time steps");
  float* y = model.output() == Output::all ? writable<float>(out, "out", {batch.size, batch.steps, model.output_size()})
                                           : writable<float>(out, "out", {batch.size, model.output_size()});
  std::optional<Overflow> found;
  {
    const LongCall call;
    found = model.infer(batch, y, threads, check_finite);
  }
  return found ? py::object(py::make_tuple(found->sequence, found->step)) : py::none();
}

void features(const Model& model, const py::object& x, const py::object& lengths, const py::object& out, int threads) {
  Batch batch = to_batch(model, x, -1);
  batch.lengths = optional<int64_t>(lengths, "lengths", {batch.size});
  if (batch.steps < 1) throw py::value_error("x has no time steps");
  float* r = writable<float>(out, "out", {batch.size, model.features()});
  const LongCall call;
  model.features(batch, r, threads);
}

// `infer` of one raw sequence that needs no explanation and little work; None for all else, which the caller prepares.
py::object answer(const Model& model, const py::object& x, const Features* features, bool check_finite) {
  Input input(model, features, check_finite);
  Batch batch;
  const int batched = input.read(x, batch);
  if (batched < 0 || batch.size != 1 || batch.steps < 1) return py::none();
  if (batch.steps * model.step_work() > brief_work) return py::none();
  const py::ssize_t steps = batch.steps, o = model.output_size();
  const bool all = model.output() == Output::all;
  auto y = new_array<float>(batched ? all ? Shape{1, steps, o} : Shape{1, o} : all ? Shape{steps, o} : Shape{o});
  try {
    if (model.infer(batch, y.mutable_data(), 1, check_finite)) return py::none();
  } catch (const std::invalid_argument&) {
    return py::none();
  }
  return std::move(y);
}

}  // namespace

void register_model(py::module_& m) {
  using namespace py::literals;
  py::class_<Layer>(m, "Layer", py::is_final())
      .def(py::init(&make_layer), py::kw_only(), "block_size"_a, "core"_a, "signs"_a, "bias"_a, "recurrence"_a,
           "modrelu"_a = py::none(), "input_signs"_a = py::none(), "decays"_a = py::none());
  py::class_<Model>(m, "Model", py::is_final())
      .def(py::init(&make_model), "layers"_a, py::kw_only(), "input_weight"_a, "embedding"_a, "tokens"_a,
           "output_weight"_a, "output_bias"_a, "output"_a, "kernel"_a = "auto", "input_activation"_a = "linear",
           "differences"_a = false, "thresholds"_a = py::none(), "excess"_a = true, "share"_a = true,
           "time_constant"_a = 0)
      .def_property_readonly("kernel", [](const Model& model) { return kernel_name(model.kernel()); })
      .def_property_readonly("kernel_reason", &Model::kernel_reason)
      .def_property_readonly("isa", [](const Model& model) { return isa_name(model.isa()); })
      .def("infer", &infer, "x"_a, "lengths"_a, "out"_a, "num_threads"_a, "check_finite"_a = false)
      .def("answer", &answer, "x"_a, "features"_a.none(true), "check_finite"_a)
      .def("features", &features, "x"_a, "lengths"_a, "out"_a, "num_threads"_a);
}

}  // namespace hadamrnn::bindings
