// A way out of long calls, for callers that have to answer Ctrl-C.
#pragma once

namespace hadamrnn {

// Asked every few milliseconds of work whether to go on; ends the call by throwing.
class Poll {
 public:
  virtual ~Poll() = default;
  virtual void ask() = 0;
};

// While it lives, long calls of this thread ask `poll`, in this thread alone; the threads that help it stop as well.
// What a call was to write is then undefined, but for a Stream's state, which is as it was before.
class Interruptible {
 public:
  explicit Interruptible(Poll& poll);
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  Poll* outer_;
};

}  // namespace hadamrnn
