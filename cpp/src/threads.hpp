// A small pool of threads of our own. Not OpenMP: two OpenMP runtimes in one process (torch brings
// one) abort or deadlock.
#pragma once

#include <cstdint>
#include <functional>

namespace hadamrnn {

// Calls body(i) for i in [0, count), on at most `threads` threads, the caller's included. Several
// callers may run at once. An exception of a body is rethrown here after the others have ended.
void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& body);

}  // namespace hadamrnn
