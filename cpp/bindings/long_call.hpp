// What surrounds every call into the core that may take long.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>

#include "hadamrnn/interrupt.hpp"
#include "hadamrnn/prepare_to_throw.hpp"

namespace hadamrnn::bindings {

namespace py = pybind11;

// A call of less work than this (Model::step_work), some microseconds, is over before others would have been let run.
constexpr int64_t brief_work = int64_t(1) << 14;

// Lets other Python threads run meanwhile, and Ctrl-C (any signal whose handler raises) end the call. Python delivers
// signals to its main thread alone: in others the first look is the last, as each waits for the interpreter.
class LongCall {
 public:
  LongCall() : scope_(signals_) { prepare_to_throw(); }

 private:
  using Clock = std::chrono::steady_clock;

  class Signals final : public Poll {
   public:
    void ask() override {
      if (Clock::now() < next_) return;
      const py::gil_scoped_acquire gil;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      const py::module_ threading = py::module_::import("threading");
      const bool main = threading.attr("current_thread")().is(threading.attr("main_thread")());
      next_ = main ? Clock::now() + interval : Clock::time_point::max();
    }

   private:
    static constexpr std::chrono::milliseconds interval{40};
    Clock::time_point next_ = Clock::now() + interval;
  };

  Signals signals_;
  py::gil_scoped_release release_;
  Interruptible scope_;
};

}  // namespace hadamrnn::bindings
