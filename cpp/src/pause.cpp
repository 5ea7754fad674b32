#include "pause.hpp"

namespace hadamrnn {
namespace {

// In the memory that every thread is born with: of variables of a library that was loaded later, the C library makes
// room at their first use, and aborts the process when there is no memory.
#if defined(__ELF__)
#define HADAMRNN_BORN_WITH __attribute__((tls_model("initial-exec")))
#else
#define HADAMRNN_BORN_WITH
#endif

thread_local Poll* poll HADAMRNN_BORN_WITH = nullptr;
thread_local int64_t budget HADAMRNN_BORN_WITH = 0;

}  // namespace

Interruptible::Interruptible(Poll& p) : outer_(poll) {
  poll = &p;
  budget = pause_work;
}
Interruptible::~Interruptible() { poll = outer_; }

bool has_poll() { return poll != nullptr; }

void ask_poll() {
  if (poll) poll->ask();
}

void pause(int64_t work) {
  if (!poll || (budget -= work) > 0) return;
  budget = pause_work;
  poll->ask();
}

}  // namespace hadamrnn
