#include "pause.hpp"

namespace hadamrnn {
namespace {

thread_local Poll* poll = nullptr;
thread_local int64_t budget = 0;

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
