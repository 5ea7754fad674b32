// std::bad_alloc where there is no memory, and not the end of the process.
#pragma once

#include <cstdlib>
#include <exception>

namespace hadamrnn {

// At a thread's first exception the C library makes room for what the thread has in flight, and aborts if it gets none.
// This makes that room while there is memory; false if there is none.
inline bool prepare_to_throw() {
  void* volatile probe = std::malloc(1 << 16);
  if (!probe) return false;
  std::free(probe);
  return std::uncaught_exceptions() >= 0;
}

}  // namespace hadamrnn
