// A caller who treats denormal numbers as zero, as some libraries do for the whole thread.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace hadamrnn::test {

class FlushToZero {
 public:
  FlushToZero() : saved_(get()) { set(saved_ | bits); }
  ~FlushToZero() { set(saved_); }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;
  static bool active() { return (get() & bits) == bits; }

 private:
#if defined(__x86_64__) || defined(_M_X64)
  static constexpr uint64_t bits = 1 << 15 | 1 << 6;  // FTZ, DAZ
  static uint64_t get() { return _mm_getcsr(); }
  static void set(uint64_t x) { _mm_setcsr(unsigned(x)); }
#elif defined(__aarch64__)
  static constexpr uint64_t bits = 1 << 24;  // FZ
  static uint64_t get() {
    uint64_t x;
    __asm__ volatile("mrs %0, fpcr" : "=r"(x) : : "memory");
    return x;
  }
  static void set(uint64_t x) { __asm__ volatile("msr fpcr, %0" : : "r"(x) : "memory"); }
#else
#error "no way to set flush-to-zero on this processor"
#endif
  uint64_t saved_;
};

}  // namespace hadamrnn::test
