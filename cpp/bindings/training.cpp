#include "hadamrnn/training.hpp"

#include "arrays.hpp"
#include "long_call.hpp"
#include "register.hpp"

namespace hadamrnn::bindings {
namespace {

// A TrainInput, and what is pooled if anything, whose arrays stay alive as long as it does.
struct Input {
  Recurrence recurrence;
  TrainInput in;
  TrainPool pooled;
  std::vector<py::object> arrays;

  const TrainPool* pool() const { return pooled.thresholds > 0 ? &pooled : nullptr; }
  py::ssize_t features() const { return pooled.thresholds * (pooled.excess + pooled.share) * recurrence.hidden_size(); }

  template <class T>
  const T* keep(const py::object& array, const char* name, const Shape& shape) {
    arrays.push_back(array);
    return optional<T>(array, name, shape);
  }
};

Input make_input(const Recurrence& recurrence, const py::object& signs, const py::object& modrelu, const py::object& x,
                 const py::object& weight, const py::object& bias, const py::object& ids, const py::object& rows,
                 const py::object& lengths, const py::object& h0, const std::string& input_activation,
                 const py::object& thresholds, bool excess, bool share, int64_t time_constant) {
  Input self{recurrence, {}, {}, {}};
  TrainInput& in = self.in;
  const py::ssize_t n = recurrence.hidden_size();
  if (recurrence.has_threshold() == modrelu.is_none()) throw py::value_error("modrelu goes with recurrence 'modrelu'");
  if (x.is_none() == ids.is_none()) throw py::value_error("give either x or ids");
  in.signs = exact<float>(signs, "signs", {n}).data();
  self.arrays.push_back(signs);
  in.modrelu = self.keep<float>(modrelu, "modrelu", {n});
  if (ids.is_none()) {
    const auto features = exact<float>(x, "x", {-1, -1, -1});
    in.batch = features.shape(0), in.steps = features.shape(1), in.features = features.shape(2);
    in.x = self.keep<float>(x, "x", {-1, -1, -1});
    in.weight = exact<float>(weight, "weight", {n, in.features}).data();
    in.bias = exact<float>(bias, "bias", {n}).data();
    self.arrays.insert(self.arrays.end(), {weight, bias});
  } else {
    const auto numbers = exact<int32_t>(ids, "ids", {-1, -1});
    in.batch = numbers.shape(0), in.steps = numbers.shape(1);
    in.ids = self.keep<int32_t>(ids, "ids", {-1, -1});
    const auto table = exact<float>(rows, "rows", {-1, n});
    in.row_count = table.shape(0);
    in.rows = self.keep<float>(rows, "rows", {-1, n});
  }
  if (in.steps < 1) throw py::value_error("no time steps");
  in.lengths = self.keep<int64_t>(lengths, "lengths", {in.batch});
  in.h0 = self.keep<float>(h0, "h0", {in.batch, n});
  in.input_activation = input_activation;
  if (!thresholds.is_none()) {
    const int64_t count = exact<float>(thresholds, "thresholds", {-1, n}).shape(0);
    self.pooled = {count, self.keep<float>(thresholds, "thresholds", {-1, n}), excess, share, time_constant};
  }
  return self;
}

// New arrays for all gradients, by name.
TrainGradients make_gradients(const Input& self, py::dict& out) {
  const py::ssize_t n = self.recurrence.hidden_size();
  const auto fresh = [&](const char* name, const Shape& shape) {
    auto array = new_array<float>(shape);
    out[name] = array;
    return array.mutable_data();
  };
  TrainGradients g;
  g.signs = fresh("signs", {n});
  if (self.in.modrelu) g.modrelu = fresh("modrelu", {n});
  if (self.in.ids) {
    g.rows = fresh("rows", {self.in.row_count, n});
  } else {
    g.weight = fresh("weight", {n, self.in.features});
    g.bias = fresh("bias", {n});
  }
  if (self.in.h0) g.h0 = fresh("h0", {self.in.batch, n});
  return g;
}

int64_t check_segment(int64_t segment) {
  if (segment < 1) throw py::value_error("segment must be at least 1, got " + std::to_string(segment));
  return segment;
}

py::array_t<float> last(const Input& self, int threads) {
  auto out = new_array<float>({self.in.batch, self.recurrence.hidden_size()});
  float* h = out.mutable_data();
  const LongCall call;
  train_last(self.recurrence, self.in, nullptr, h, nullptr, threads);
  return out;
}

py::tuple pooled(const Input& self, int threads) {
  if (!self.pool()) throw py::value_error("there are no thresholds to pool over");
  auto features = new_array<float>({self.in.batch, self.features()});
  auto last = new_array<float>({self.in.batch, self.recurrence.hidden_size()});
  float *f = features.mutable_data(), *h = last.mutable_data();
  {
    const LongCall call;
    train_last(self.recurrence, self.in, self.pool(), h, f, threads);
  }
  return py::make_tuple(features, last);
}

py::dict last_backward(const Input& self, const py::object& grad, const py::object& grad_features, int64_t segment,
                       int threads, bool of_thresholds) {
  py::dict out;
  TrainGradients g = make_gradients(self, out);
  const py::ssize_t n = self.recurrence.hidden_size();
  const float* dh = exact<float>(grad, "grad", {self.in.batch, n}).data();
  const float* df = nullptr;
  if (self.pool()) {
    df = exact<float>(grad_features, "grad_features", {self.in.batch, self.features()}).data();
  }
  if (self.pool() && of_thresholds) {
    auto dthresholds = new_array<float>({self.pooled.thresholds, n});
    g.threshold = dthresholds.mutable_data();
    out["thresholds"] = dthresholds;
  }
  check_segment(segment);
  const LongCall call;
  train_last_backward(self.recurrence, self.in, self.pool(), dh, df, segment, g, threads);
  return out;
}

py::tuple sequence(const Input& self, const py::object& weight, const py::object& bias, const py::object& classes,
                   const py::object& values, int64_t ignore_index, int64_t segment, int threads) {
  const py::ssize_t n = self.recurrence.hidden_size(), batch = self.in.batch, steps = self.in.steps;
  if (classes.is_none() == values.is_none()) throw py::value_error("give either classes or values");
  TrainHead head;
  const auto readout = exact<float>(weight, "weight", {-1, n});
  head.outputs = readout.shape(0);
  head.weight = readout.data();
  head.bias = exact<float>(bias, "bias", {head.outputs}).data();
  head.classes = optional<int64_t>(classes, "classes", {batch, steps});
  head.values = optional<float>(values, "values", {batch, steps, head.outputs});
  head.ignore = ignore_index;
  py::dict out;
  const TrainGradients g = make_gradients(self, out);
  auto dweight = new_array<float>({head.outputs, n}), dbias = new_array<float>({head.outputs});
  auto h_last = new_array<float>({batch, n});
  head.weight_gradient = dweight.mutable_data();
  head.bias_gradient = dbias.mutable_data();
  head.h_last = h_last.mutable_data();
  out["output_weight"] = dweight;
  out["output_bias"] = dbias;
  check_segment(segment);
  TrainLoss loss;
  {
    const LongCall call;
    loss = train_sequence(self.recurrence, self.in, head, segment, g, threads);
  }
  return py::make_tuple(loss.sum, loss.count, h_last, out);
}

}  // namespace

void register_training(py::module_& m) {
  using namespace py::literals;
  py::class_<Input>(m, "TrainInput", py::is_final())
      .def(py::init(&make_input), "recurrence"_a, py::kw_only(), "signs"_a, "modrelu"_a = py::none(),
           "x"_a = py::none(), "weight"_a = py::none(), "bias"_a = py::none(), "ids"_a = py::none(),
           "rows"_a = py::none(), "lengths"_a = py::none(), "h0"_a = py::none(), "input_activation"_a = "linear",
           "thresholds"_a = py::none(), "excess"_a = true, "share"_a = false, "time_constant"_a = 0)
      .def("last", &last, "num_threads"_a)
      .def("pooled", &pooled, "num_threads"_a)
      .def("last_backward", &last_backward, "grad"_a, "grad_features"_a, "segment"_a, "num_threads"_a,
           "of_thresholds"_a = false)
      .def("sequence", &sequence, "weight"_a, "bias"_a, py::kw_only(), "classes"_a = py::none(),
           "values"_a = py::none(), "ignore_index"_a, "segment"_a, "num_threads"_a);
}

}  // namespace hadamrnn::bindings
