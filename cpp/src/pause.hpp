// Where long calls look whether they are still wanted (include/hadamrnn/interrupt.hpp).
#pragma once

#include <algorithm>
#include <cstdint>

#include "hadamrnn/interrupt.hpp"

namespace hadamrnn {

// Work between two looks, in units of a state times steps: about half a millisecond of transforms.
constexpr int64_t pause_work = int64_t(1) << 20;

// To be called before each block of `work`, best of pause_work at most. Asks the thread's poll, if any, once in every
// pause_work: a call of less work than that is never ended.
void pause(int64_t work);
// Asks the thread's poll, if any.
void ask_poll();
bool has_poll();

// Steps of states of `size` elements that fit between two looks.
inline int64_t pause_steps(int64_t size) { return std::max<int64_t>(1, pause_work / size); }

}  // namespace hadamrnn
