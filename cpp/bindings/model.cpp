#include "hadamrnn/model.hpp"

#include <pybind11/stl.h>

#include <cmath>
#include <numeric>
#include <optional>

#include "arrays.hpp"
#include "hadamrnn/stream.hpp"
#include "long_call.hpp"
#include "register.hpp"

namespace hadamrnn::bindings {
namespace {

Layer make_layer(int64_t block_size, const py::object& core, const py::object& signs, const py::object& bias,
                 const std::string& recurrence, const py::object& modrelu, const py::object& input_signs) {
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
  if (!input_signs.is_none()) {
    spec.input_signs = to_vector<int8_t>(input_signs, "input_signs", {n, -1});
    spec.input_size = py::ssize_t(spec.input_signs.size()) / n;
  }
  return Layer(spec);
}

Model make_model(const std::vector<Layer>& layers, const py::object& input_weight, const py::object& embedding,
                 bool tokens, const py::object& output_weight, const py::object& output_bias, const std::string& output,
                 const std::string& kernel) {
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
  spec.output_weight =
      to_vector<float>(output_weight, "output_weight", {spec.output_size, layers.back().hidden_size()});
  spec.output = parse_output(output);
  spec.kernel = parse_kernel(kernel);
  return Model(spec);
}

// x as (size, steps, ...); size -1 takes what the array has.
Batch to_batch(const Model& model, const py::object& x, py::ssize_t size) {
  Batch batch;
  const auto fill = [&](const auto& array) {
    batch.size = array.shape(0);
    batch.steps = array.shape(1);
    return array.data();
  };
  if (model.takes_tokens()) {
    batch.ids = fill(exact<int32_t>(x, "x", {size, -1}));
  } else {
    batch.x = fill(exact<float>(x, "x", {size, -1, model.input_size()}));
  }
  return batch;
}

void infer(const Model& model, const py::object& x, const py::object& lengths, const py::object& out, int threads) {
  Batch batch = to_batch(model, x, -1);
  batch.lengths = optional<int64_t>(lengths, "lengths", {batch.size});
  if (batch.steps < 1) throw py::value_error("x has no time steps");
  float* y = model.output() == Output::all ? writable<float>(out, "out", {batch.size, batch.steps, model.output_size()})
                                           : writable<float>(out, "out", {batch.size, model.output_size()});
  const LongCall call;
  model.infer(batch, y, threads);
}

// A Stream as Python holds it. Of a `single` one, inputs and logits have no batch axis.
struct PyStream {
  Stream stream;
  bool single;
  bool check_finite;
};

PyStream make_stream(const Model& model, const std::optional<int64_t>& batch, bool check_finite) {
  return {Stream(model, batch.value_or(1)), !batch, check_finite};
}

// Whether x is what step takes of `size` sequences as it is, and then the batch over it; `token` holds a Python int.
bool as_step(const PyStream& self, const py::object& x, int64_t size, Batch& batch, int32_t& token) {
  const Model& model = self.stream.model();
  batch.size = size;
  batch.steps = 1;
  if (model.takes_tokens()) {
    if (self.single) {
      if (!PyLong_CheckExact(x.ptr())) return false;
      int overflow = 0;
      const long long value = PyLong_AsLongLongAndOverflow(x.ptr(), &overflow);
      if (overflow || value < 0 || value >= model.token_count()) return false;
      token = int32_t(value);
      batch.ids = &token;
      return true;
    }
    if (!is_exact<int32_t>(x)) return false;
    const auto array = py::reinterpret_borrow<py::array_t<int32_t>>(x);
    if (array.ndim() != 1 || array.shape(0) != batch.size) return false;
    batch.ids = array.data();
    for (int64_t i = 0; i < batch.size; ++i) {
      if (batch.ids[i] < 0 || batch.ids[i] >= model.token_count()) return false;
    }
    return true;
  }
  if (!is_exact<float>(x)) return false;
  const auto array = py::reinterpret_borrow<py::array_t<float>>(x);
  const py::ssize_t ndim = self.single ? 1 : 2;
  if (array.ndim() != ndim || array.shape(ndim - 1) != model.input_size()) return false;
  if (!self.single && array.shape(0) != batch.size) return false;
  batch.x = array.data();
  for (py::ssize_t i = 0; self.check_finite && i < array.size(); ++i) {
    if (!std::isfinite(batch.x[i])) return false;
  }
  return true;
}

// The logits of the sequences so far after one more step; None, and nothing done, when x is not
// exactly an array of the right dtype, shape and layout with valid values: the caller converts it.
py::object step(PyStream& self, const py::object& x) {
  Batch batch;
  int32_t token = 0;
  if (!as_step(self, x, self.stream.batch(), batch, token)) return py::none();
  const Py_ssize_t shape[] = {batch.size, self.stream.model().output_size()};
  py::array_t<float> y = self.single ? new_array<float>(1, shape + 1) : new_array<float>(2, shape);
  float* data = y.mutable_data();
  if (batch.size == 1) {
    self.stream.run(batch, false, data);  // shorter than giving the interpreter away and back
  } else {
    const LongCall call;
    self.stream.run(batch, false, data);
  }
  return y;
}

using Places = py::array_t<int64_t>;

// `step` of the sequences at some places (k,), the others stay as they are.
py::object step_at(PyStream& self, const py::object& x, const py::object& at) {
  const Places places = exact<int64_t>(at, "at", {-1});
  Batch batch;
  int32_t token = 0;
  if (!as_step(self, x, places.size(), batch, token)) return py::none();
  const Py_ssize_t shape[] = {batch.size, self.stream.model().output_size()};
  py::array_t<float> y = new_array<float>(2, shape);
  float* data = y.mutable_data();
  const int64_t* first = places.data();
  const py::gil_scoped_release release;
  self.stream.run(batch, false, data, first);
  return y;
}

void run_at(PyStream& self, const py::object& x, const py::object& out, const py::object& at) {
  const Model& model = self.stream.model();
  const Places places = exact<int64_t>(at, "at", {-1});
  const Batch batch = to_batch(model, x, places.size());
  const bool all = model.output() == Output::all;
  float* y = all ? writable<float>(out, "out", {batch.size, batch.steps, model.output_size()})
                 : writable<float>(out, "out", {batch.size, model.output_size()});
  const int64_t* first = places.data();
  const LongCall call;
  self.stream.run(batch, all, y, first);
}

// The states of the sequences at `count` places, (count, n) a layer, and for output "mean" their totals,
// (count, n + 1).
std::vector<py::array> states(const Stream& stream, const int64_t* places, int64_t count) {
  std::vector<py::array> state;
  for (int64_t l = 0; l < stream.layers(); ++l) {
    const int64_t n = stream.hidden_size(l);
    py::array_t<float> rows(Shape{count, n});
    for (int64_t i = 0; i < count; ++i) stream.get_state(places[i], l, rows.mutable_data() + i * n);
    state.push_back(std::move(rows));
  }
  if (stream.model().output() == Output::mean) {
    const int64_t n = stream.hidden_size(stream.layers() - 1) + 1;
    py::array_t<double> rows(Shape{count, n});
    for (int64_t i = 0; i < count; ++i) stream.get_total(places[i], rows.mutable_data() + i * n);
    state.push_back(std::move(rows));
  }
  return state;
}

void set_states(Stream& stream, const std::vector<py::object>& state, const int64_t* places, int64_t count) {
  const bool mean = stream.model().output() == Output::mean;
  const size_t parts = size_t(stream.layers()) + mean;
  if (state.size() != parts) {
    throw py::value_error("state has " + std::to_string(state.size()) + " parts, expected " + std::to_string(parts));
  }
  std::vector<const float*> rows;
  for (int64_t l = 0; l < stream.layers(); ++l) {
    rows.push_back(exact<float>(state[size_t(l)], "state", {count, stream.hidden_size(l)}).data());
  }
  const int64_t last = stream.hidden_size(stream.layers() - 1);
  const double* totals = mean ? exact<double>(state.back(), "state", {count, last + 1}).data() : nullptr;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t l = 0; l < stream.layers(); ++l) {
      stream.set_state(places[i], l, rows[size_t(l)] + i * stream.hidden_size(l));
    }
    if (mean) stream.set_total(places[i], totals + i * (last + 1));
  }
}

std::vector<py::array> get_state_at(const PyStream& self, const py::object& at) {
  const Places places = exact<int64_t>(at, "at", {-1});
  return states(self.stream, places.data(), places.size());
}

void set_state_at(PyStream& self, const std::vector<py::object>& state, const py::object& at) {
  const Places places = exact<int64_t>(at, "at", {-1});
  set_states(self.stream, state, places.data(), places.size());
}

void reset_at(PyStream& self, const py::object& at) {
  const Places places = exact<int64_t>(at, "at", {-1});
  for (int64_t i = 0; i < places.size(); ++i) self.stream.reset(places.data()[i]);
}

void run(PyStream& self, const py::object& x, const py::object& out) {
  const Model& model = self.stream.model();
  const Batch batch = to_batch(model, x, self.stream.batch());
  const bool all = model.output() == Output::all;
  float* y = all ? writable<float>(out, "out", {batch.size, batch.steps, model.output_size()})
                 : writable<float>(out, "out", {batch.size, model.output_size()});
  const LongCall call;
  self.stream.run(batch, all, y);
}

std::vector<int64_t> all_places(const Stream& stream) {
  std::vector<int64_t> places(size_t(stream.batch()));
  std::iota(places.begin(), places.end(), int64_t(0));
  return places;
}

std::vector<py::array> get_state(const PyStream& self) {
  return states(self.stream, all_places(self.stream).data(), self.stream.batch());
}

void set_state(PyStream& self, const std::vector<py::object>& state) {
  set_states(self.stream, state, all_places(self.stream).data(), self.stream.batch());
}

}  // namespace

void register_model(py::module_& m) {
  using namespace py::literals;
  py::class_<Layer>(m, "Layer", py::is_final())
      .def(py::init(&make_layer), py::kw_only(), "block_size"_a, "core"_a, "signs"_a, "bias"_a, "recurrence"_a,
           "modrelu"_a = py::none(), "input_signs"_a = py::none());
  py::class_<Model>(m, "Model", py::is_final())
      .def(py::init(&make_model), "layers"_a, py::kw_only(), "input_weight"_a, "embedding"_a, "tokens"_a,
           "output_weight"_a, "output_bias"_a, "output"_a, "kernel"_a = "auto")
      .def_property_readonly("kernel", [](const Model& model) { return kernel_name(model.kernel()); })
      .def_property_readonly("kernel_reason", &Model::kernel_reason)
      .def_property_readonly("isa", [](const Model& model) { return isa_name(model.isa()); })
      .def("infer", &infer, "x"_a, "lengths"_a, "out"_a, "num_threads"_a);
  py::class_<PyStream>(m, "Stream", py::is_final())
      .def(py::init(&make_stream), "model"_a, "batch"_a, "check_finite"_a = true)
      .def("step", &step, "x"_a)
      .def("run", &run, "x"_a, "out"_a)
      .def("get_state", &get_state)
      .def("set_state", &set_state, "state"_a)
      .def("reset", [](PyStream& self) { self.stream.reset(); })
      .def("step_at", &step_at, "x"_a, "at"_a)
      .def("run_at", &run_at, "x"_a, "out"_a, "at"_a)
      .def("get_state_at", &get_state_at, "at"_a)
      .def("set_state_at", &set_state_at, "state"_a, "at"_a)
      .def("reset_at", &reset_at, "at"_a);
}

}  // namespace hadamrnn::bindings
