#include "hadamrnn/stream.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>

#include "arrays.hpp"
#include "input.hpp"
#include "long_call.hpp"
#include "register.hpp"

namespace hadamrnn::bindings {
namespace {

// A Stream as Python holds it. Of a `single` one, steps and logits have no batch axis.
struct PyStream {
  PyStream(const Model& model, const std::optional<int64_t>& batch, bool check, const std::optional<Features>& read)
      : stream(model, batch.value_or(1)),
        single(!batch),
        finite(check ? Finite::all : Finite::unchecked),
        features(read),
        input(stream.model(), features ? &*features : nullptr, check) {}
  PyStream(const PyStream&) = delete;

  Stream stream;
  bool single;
  Finite finite;
  std::optional<Features> features;
  Input input;
  std::vector<int64_t> places;  // of the call at hand, where they are not an array of the caller
};

// Places of a call: one as an int, int64 (k,), or for None those of all sequences. `first` is null where these are all
// that there are.
struct At {
  At(PyStream& self, const py::object& at) {
    const Stream& stream = self.stream;
    if (at.is_none()) {
      count = stream.count();
      if (count == stream.batch()) return;
      self.places.clear();
      for (int64_t i = 0; i < stream.batch(); ++i) {
        if (stream.taken(i)) self.places.push_back(i);
      }
      first = self.places.data();
    } else if (PyLong_CheckExact(at.ptr())) {
      int overflow = 0;
      one = PyLong_AsLongLongAndOverflow(at.ptr(), &overflow);  // -1, no place either, if it is that large
      count = 1;
      first = &one;
    } else {  // the caller holds it
      const auto array = exact<int64_t>(at, "at", {-1});
      count = array.size();
      first = array.data();
    }
  }
  At(const At&) = delete;
  int64_t operator[](int64_t i) const { return first ? first[i] : i; }

  int64_t one = 0, count;
  const int64_t* first = nullptr;
};

// One step of some sequences, or of a `single` one whose step and logits have no batch axis; None if it is not read.
py::object step_of(PyStream& self, const py::object& x, bool single, const At& places) {
  Batch batch;
  if (!self.input.read_step(x, places.count, single, batch)) return py::none();
  const py::ssize_t outputs = self.stream.model().output_size();
  py::array_t<float> y = new_array<float>(single ? Shape{outputs} : Shape{places.count, outputs});
  float* data = y.mutable_data();
  try {
    std::optional<LongCall> call;
    if (places.count * self.stream.model().step_work() > brief_work) call.emplace();
    if (!self.stream.run(batch, false, data, places.first, self.finite).empty()) return py::none();
  } catch (const std::invalid_argument&) {
    return py::none();
  }
  return std::move(y);
}

// The logits of the sequences so far after one more step; None, and nothing done, for what needs a look: other input
// than Input reads at once, places without a sequence, results that are not finite. A place may be an int.
py::object step(PyStream& self, const py::object& x, const py::object& at) {
  const bool one = PyLong_CheckExact(at.ptr());
  if (!at.is_none() && !one && !(is_exact<int64_t>(at) && py::reinterpret_borrow<py::array>(at).ndim() == 1)) {
    return py::none();
  }
  const At places(self, at);
  if (!one) return step_of(self, x, self.single, places);
  const py::object y = step_of(self, x, true, places);
  return y.is_none() ? step_of(self, x, false, places) : y;
}

using Found = std::vector<std::pair<int64_t, int64_t>>;

// Chunks: x (k, T, ..), or all chunks one after another with where each starts and how long it is. The sequences that
// left the finite numbers, (sequence, step): `each` of them alone stays as it was, else all do.
Found run(PyStream& self, const py::object& x, const py::object& out, const py::object& at, const py::object& starts,
          const py::object& lengths, bool each) {
  const Model& model = self.stream.model();
  const At places(self, at);
  const bool all = model.output() == Output::all, ragged = !starts.is_none();
  Batch batch = to_batch(model, x, ragged ? 1 : places.count);
  const int64_t steps = batch.steps;
  if (ragged) {
    batch.size = places.count;
    batch.starts = optional<int64_t>(starts, "starts", {batch.size});
    batch.lengths = optional<int64_t>(lengths, "lengths", {batch.size});
    for (int64_t i = 0; i < batch.size; ++i) {
      const int64_t start = batch.starts[i], length = batch.lengths[i];
      if (start < 0 || length < 0 || start > steps - length) throw py::value_error("a chunk is outside x");
    }
  }
  const Shape shape = ragged ? Shape{1, steps, model.output_size()} : Shape{batch.size, steps, model.output_size()};
  float* y = writable<float>(out, "out", all ? shape : Shape{batch.size, model.output_size()});
  const Finite finite = self.finite != Finite::unchecked && each ? Finite::each : self.finite;
  Found found;
  std::optional<LongCall> call;
  if (batch.size * steps * model.step_work() > brief_work) call.emplace();
  for (const Overflow& o : self.stream.run(batch, all, y, places.first, finite)) found.emplace_back(o.sequence, o.step);
  call.reset();
  return found;
}

// Logits of the sequences so far, (k, o).
py::array_t<float> logits(PyStream& self, const py::object& at) {
  const At places(self, at);
  auto y = new_array<float>({places.count, self.stream.model().output_size()});
  Batch batch;
  batch.size = places.count;
  self.stream.run(batch, false, y.mutable_data(), places.first);
  return y;
}

// A part of the state that only some models have, `size` numbers per sequence: read by `get`, written by `set`.
struct Part {
  int64_t size;
  void (Stream::*get)(int64_t, double*) const;
  void (Stream::*set)(int64_t, const double*);
};

// The sums of a pool and the number of steps; the input of the step before and whether there was one.
std::vector<Part> parts_of(const Stream& stream) {
  std::vector<Part> parts;
  if (stream.features() > 0) parts.push_back({stream.features() + 1, &Stream::get_total, &Stream::set_total});
  if (stream.differences() > 0) parts.push_back({stream.differences() + 1, &Stream::get_before, &Stream::set_before});
  return parts;
}

// The states of some sequences, (k, n) a layer, and then each part that the model has besides, (k, size) float64.
std::vector<py::array> get_state(PyStream& self, const py::object& at) {
  const Stream& stream = self.stream;
  const At places(self, at);
  std::vector<py::array> state;
  for (int64_t l = 0; l < stream.layers(); ++l) {
    const int64_t n = stream.hidden_size(l);
    auto rows = new_array<float>({places.count, n});
    for (int64_t i = 0; i < places.count; ++i) stream.get_state(places[i], l, rows.mutable_data() + i * n);
    state.push_back(std::move(rows));
  }
  for (const Part& part : parts_of(stream)) {
    auto rows = new_array<double>({places.count, part.size});
    for (int64_t i = 0; i < places.count; ++i) (stream.*part.get)(places[i], rows.mutable_data() + i * part.size);
    state.push_back(std::move(rows));
  }
  return state;
}

void set_state(PyStream& self, const std::vector<py::object>& state, const py::object& at) {
  Stream& stream = self.stream;
  const At places(self, at);
  const std::vector<Part> more = parts_of(stream);
  const size_t layers = size_t(stream.layers()), parts = layers + more.size();
  if (state.size() != parts) {
    throw py::value_error("state has " + std::to_string(state.size()) + " parts, expected " + std::to_string(parts));
  }
  std::vector<const float*> rows;
  for (size_t l = 0; l < layers; ++l) {
    rows.push_back(exact<float>(state[l], "state", {places.count, stream.hidden_size(int64_t(l))}).data());
  }
  std::vector<const double*> values;
  for (size_t p = 0; p < more.size(); ++p) {
    values.push_back(exact<double>(state[layers + p], "state", {places.count, more[p].size}).data());
  }
  for (int64_t i = 0; i < places.count; ++i) {
    for (size_t l = 0; l < layers; ++l) {
      stream.set_state(places[i], int64_t(l), rows[l] + i * stream.hidden_size(int64_t(l)));
    }
    for (size_t p = 0; p < more.size(); ++p) (stream.*more[p].set)(places[i], values[p] + i * more[p].size);
  }
}

template <void (Stream::*act)(int64_t)>
void each(PyStream& self, const py::object& at) {
  const At places(self, at);
  for (int64_t i = 0; i < places.count; ++i) (self.stream.*act)(places[i]);
}

py::array_t<int64_t> taken(const Stream& stream) {
  auto places = new_array<int64_t>({stream.count()});
  int64_t* next = places.mutable_data();
  for (int64_t i = 0; i < stream.batch(); ++i) {
    if (stream.taken(i)) *next++ = i;
  }
  return places;
}

}  // namespace

void register_stream(py::module_& m) {
  using namespace py::literals;
  py::class_<PyStream>(m, "Stream", py::is_final())
      .def(py::init<const Model&, const std::optional<int64_t>&, bool, const std::optional<Features>&>(), "model"_a,
           "batch"_a, "check_finite"_a = true, "features"_a = py::none())
      .def("step", &step, "x"_a, "at"_a = py::none())
      .def("run", &run, "x"_a, "out"_a, "at"_a = py::none(), "starts"_a = py::none(), "lengths"_a = py::none(),
           "each"_a = false)
      .def("logits", &logits, "at"_a = py::none())
      .def("get_state", &get_state, "at"_a = py::none())
      .def("set_state", &set_state, "state"_a, "at"_a = py::none())
      .def("reset", &each<&Stream::reset>, "at"_a = py::none())
      .def("leave", &each<&Stream::leave>, "at"_a = py::none())
      .def("join", &each<&Stream::join>, "at"_a)
      .def(
          "grow", [](PyStream& self, int64_t capacity) { self.stream.grow(capacity); }, "capacity"_a)
      .def_property_readonly("capacity", [](const PyStream& self) { return self.stream.batch(); })
      .def_property_readonly("places", [](const PyStream& self) { return taken(self.stream); });
}

}  // namespace hadamrnn::bindings
