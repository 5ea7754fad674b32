// The interface in C over load.hpp: pointers in, error messages out, and no exception across the border.
#include "hadamrnn.h"

#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "hadamrnn/load.hpp"

struct hadamrnn_model {
  hadamrnn::LoadedModel model;
};

struct hadamrnn_stream {
  hadamrnn::LoadedStream stream;
};

namespace {

thread_local char last_error[1024] = "";

void keep(const char* message) { std::strncpy(last_error, message, sizeof last_error - 1); }

// What f returns, or `failed` if it throws.
template <class T, class F>
T guarded(T failed, const F& f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    keep("there is not enough memory");
  } catch (const std::exception& error) {
    keep(error.what());
  } catch (...) {
    keep("an unknown error");
  }
  return failed;
}

hadamrnn::Number number(int type) { return hadamrnn::Number(type < 0 || type > HADAMRNN_U64 ? -1 : type); }

// What a pointer leads to. Throws for NULL.
template <class T>
T& at(T* pointer, const char* name) {
  if (!pointer) throw std::invalid_argument(std::string(name) + " is NULL");
  return *pointer;
}

// A number that a model has, or -1 for NULL.
template <class F>
auto property(const hadamrnn_model* model, const F& f) -> decltype(f(model->model)) {
  return guarded(decltype(f(model->model))(-1), [&] { return f(at(model, "the model").model); });
}

}  // namespace

const char* hadamrnn_last_error(void) { return last_error; }

hadamrnn_model* hadamrnn_open(const char* path) {
  return guarded<hadamrnn_model*>(nullptr, [&] { return new hadamrnn_model{hadamrnn::load(&at(path, "the path"))}; });
}

hadamrnn_model* hadamrnn_open_bytes(const void* data, size_t size) {
  return guarded<hadamrnn_model*>(nullptr, [&] { return new hadamrnn_model{hadamrnn::load(data, size)}; });
}

void hadamrnn_close(hadamrnn_model* model) { delete model; }

int hadamrnn_takes_tokens(const hadamrnn_model* model) {
  return property(model, [](const auto& m) { return int(m.takes_tokens()); });
}
int hadamrnn_output(const hadamrnn_model* model) {
  return property(model, [](const auto& m) { return int(m.output()); });
}
int64_t hadamrnn_input_size(const hadamrnn_model* model) {
  return property(model, [](const auto& m) { return m.input_size(); });
}
int64_t hadamrnn_output_size(const hadamrnn_model* model) {
  return property(model, [](const auto& m) { return m.output_size(); });
}
int64_t hadamrnn_steps(const hadamrnn_model* model) {
  return property(model, [](const auto& m) { return m.steps(); });
}

const char* hadamrnn_label(const hadamrnn_model* model, int64_t index) {
  return guarded<const char*>(nullptr, [&]() -> const char* {
    const auto& labels = at(model, "the model").model.labels();
    return index < 0 || index >= int64_t(labels.size()) ? nullptr : labels[size_t(index)].c_str();
  });
}

int hadamrnn_infer(const hadamrnn_model* model, const void* x, int type, int64_t batch, int64_t steps,
                   const int64_t* lengths, float* logits, int threads) {
  return guarded(1, [&] {
    at(model, "the model").model.infer({x, number(type), batch, steps, lengths}, &at(logits, "logits"), threads);
    return 0;
  });
}

hadamrnn_stream* hadamrnn_stream_new(const hadamrnn_model* model) {
  return guarded<hadamrnn_stream*>(
      nullptr, [&] { return new hadamrnn_stream{hadamrnn::LoadedStream(at(model, "the model").model)}; });
}

int hadamrnn_stream_step(hadamrnn_stream* stream, const void* x, int type, float* logits) {
  return guarded(1, [&] {
    at(stream, "the stream").stream.step(x, number(type), &at(logits, "logits"));
    return 0;
  });
}

void hadamrnn_stream_reset(hadamrnn_stream* stream) {
  guarded(1, [&] {
    at(stream, "the stream").stream.reset();
    return 0;
  });
}

void hadamrnn_stream_free(hadamrnn_stream* stream) { delete stream; }
