// Median time of a piece of work, and the clock of the core it runs on.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace hadamrnn::bench {

using Work = std::function<void()>;

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Seconds of one call: the median of samples for `seconds` in all. Samples are much shorter than what
// a scheduler gives a process at a time, so that most of them are undisturbed.
inline double time_of(const Work& work, double seconds) {
  constexpr double sample = 1e-4;
  const auto run = [&work](int64_t calls) {
    const double start = now();
    for (int64_t i = 0; i < calls; ++i) work();
    return now() - start;
  };
  int64_t calls = 1;
  while (std::min({run(calls), run(calls), run(calls)}) < sample) calls *= 2;
  std::vector<double> samples;
  for (const double end = now() + seconds; samples.size() < 5 || now() < end;) {
    samples.push_back(run(calls) / double(calls));
  }
  const auto middle = samples.begin() + std::ptrdiff_t(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

// Clock frequency in Hz, from a chain of additions of one cycle each; 0 where the compiler has no
// way to keep the chain. They add a register: Golden Cove renames additions of a constant away, several a cycle.
inline double clock_hz() {
#if defined(__GNUC__)
  constexpr int links = 64;
  constexpr int repeats = 64;
  const Work chain = [] {
    uint64_t x = 0, one = 1;
    __asm__ volatile("" : "+r"(one));
    for (int i = 0; i < repeats; ++i) {
#pragma GCC unroll 64
      for (int j = 0; j < links; ++j) {
        x += one;
        __asm__ volatile("" : "+r"(x));
      }
    }
  };
  return links * repeats / time_of(chain, 0.05);
#else
  return 0;
#endif
}

}  // namespace hadamrnn::bench
