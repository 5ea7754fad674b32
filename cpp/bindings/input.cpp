#include "input.hpp"

namespace hadamrnn::bindings {
namespace {

template <class T>
bool holds(py::handle array, bool same) {
  const bool builtin = py::detail::array_proxy(array.ptr())->descr == builtin_dtype<T>();
  return builtin || (same && py::array_t<T>::check_(array));
}

// An array of NumPy's own class (others may hide values behind a mask) that lies as a pointer reads it.
bool readable(py::handle array) {
  constexpr int flags = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  const PyTypeObject* type = Py_TYPE(array.ptr());
  return type == py::detail::npy_api::get().PyArray_Type_ && py::detail::check_flags(array.ptr(), flags);
}

}  // namespace

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

std::optional<Number> number_type(py::handle array) {
  if (!readable(array)) return std::nullopt;
  // NumPy's own types first, of which each is one object, then others that mean the same (long long, with metadata).
  for (const bool same : {false, true}) {
    if (holds<float>(array, same)) return Number::f32;
    if (holds<double>(array, same)) return Number::f64;
    if (holds<int64_t>(array, same)) return Number::i64;
    if (holds<int32_t>(array, same)) return Number::i32;
    if (holds<int16_t>(array, same)) return Number::i16;
    if (holds<int8_t>(array, same) || holds<bool>(array, same)) return Number::i8;
    if (holds<uint8_t>(array, same)) return Number::u8;
    if (holds<uint16_t>(array, same)) return Number::u16;
    if (holds<uint32_t>(array, same)) return Number::u32;
    if (holds<uint64_t>(array, same)) return Number::u64;
  }
  return std::nullopt;
}

int Input::read(const py::object& x, Batch& batch) {
  const bool tokens = model_->takes_tokens();
  if (!readable(x)) return -1;
  const auto array = py::reinterpret_borrow<py::array>(x);
  const py::ssize_t inner = tokens ? 0 : 1, batched = array.ndim() - inner - 1;
  if (batched != 0 && batched != 1) return -1;
  if (!tokens && array.shape(array.ndim() - 1) != model_->input_size()) return -1;
  batch.size = batched ? array.shape(0) : 1;
  batch.steps = array.shape(batched);
  const int64_t rows = batch.size * batch.steps;
  return (tokens ? this->tokens(x, rows, batch) : numbers(x, rows, batch)) ? int(batched) : -1;
}

bool Input::read_step(const py::object& x, int64_t size, bool single, Batch& batch) {
  batch.size = size;
  batch.steps = 1;
  const bool tokens = model_->takes_tokens();
  if (!readable(x)) return single && (tokens ? token(x, batch) : list(x, batch));
  const auto array = py::reinterpret_borrow<py::array>(x);
  const py::ssize_t leading = single ? 0 : 1;
  if (array.ndim() != leading + (tokens ? 0 : 1) || (leading && array.shape(0) != size)) return false;
  if (tokens) return this->tokens(x, size, batch);
  return array.shape(leading) == model_->input_size() && numbers(x, size, batch);
}

bool Input::numbers(const py::object& x, int64_t rows, Batch& batch) {
  const std::optional<Number> type = number_type(x);
  if (!type) return false;
  const void* data = py::reinterpret_borrow<py::array>(x).data();
  if (type == Number::f32 && (!features_ || features_->plain())) {
    batch.x = static_cast<const float*>(data);
    return !check_finite_ || first_nonfinite(batch.x, rows * model_->input_size()) < 0;
  }
  return convert(data, *type, rows, batch);
}

bool Input::convert(const void* data, Number type, int64_t rows, Batch& batch) {
  if (!features_ || !features_->takes(type)) return false;
  floats_.resize(size_t(rows * model_->input_size()));
  batch.x = floats_.data();
  const bool finite = features_->read(data, type, rows, floats_.data()) < 0;
  if (features_->plain() && Features::wide(type)) {  // rounded without an offset: is something lost?
    constexpr float large = 1 << 24;
    for (const float x : floats_) {
      if (x >= large || x <= -large) return false;
    }
  }
  return finite || !check_finite_;
}

// A step as a list or tuple of Python's numbers.
bool Input::list(const py::object& x, Batch& batch) {
  if (!features_ || !(PyList_CheckExact(x.ptr()) || PyTuple_CheckExact(x.ptr()))) return false;
  const int64_t d = model_->input_size();
  if (PySequence_Fast_GET_SIZE(x.ptr()) != d) return false;
  doubles_.resize(size_t(d));
  for (int64_t i = 0; i < d; ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(x.ptr(), i);
    if (PyFloat_Check(item)) {
      doubles_[size_t(i)] = PyFloat_AS_DOUBLE(item);
      continue;
    }
    if (!PyLong_CheckExact(item) || !features_->takes(Number::i64)) return false;
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(item, &overflow);
    constexpr long long exact = 1LL << 53;  // larger ones would be rounded twice
    if (overflow || value < -exact || value > exact) return false;
    doubles_[size_t(i)] = double(value);
  }
  return convert(doubles_.data(), Number::f64, 1, batch);
}

bool Input::tokens(const py::object& x, int64_t count, Batch& batch) {
  const auto valid = [&](const auto* ids) {
    for (int64_t i = 0; i < count; ++i) {
      if (ids[i] < 0 || ids[i] >= model_->token_count()) return false;
    }
    return true;
  };
  const std::optional<Number> type = number_type(x);
  const void* data = py::reinterpret_borrow<py::array>(x).data();
  if (type == Number::i32) {
    batch.ids = static_cast<const int32_t*>(data);
    return valid(batch.ids);
  }
  if (type != Number::i64) return false;
  const auto* wide = static_cast<const int64_t*>(data);
  if (!valid(wide)) return false;
  ids_.assign(wide, wide + count);
  batch.ids = ids_.data();
  return true;
}

// A Python int or an integer of NumPy.
bool Input::token(const py::object& x, Batch& batch) {
  if (PyBool_Check(x.ptr()) || !PyIndex_Check(x.ptr())) return false;
  const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(x.ptr()));
  if (!index) {
    PyErr_Clear();
    return false;
  }
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow || value < 0 || value >= model_->token_count()) return false;
  ids_.assign(1, int32_t(value));
  batch.ids = ids_.data();
  return true;
}

}  // namespace hadamrnn::bindings
