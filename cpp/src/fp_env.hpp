// Kernels run in the default floating-point environment whatever the caller set: some libraries
// switch flush-to-zero on for the whole thread, which would change result bits.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <stdint.h>
#endif

namespace hadamrnn {

class DefaultFpEnv {
 public:
#if defined(__x86_64__) || defined(_M_X64)
  DefaultFpEnv() : saved_(_mm_getcsr()) { _mm_setcsr(0x1F80); }  // masked, nearest, no FTZ or DAZ
  ~DefaultFpEnv() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  DefaultFpEnv() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved_));
    __asm__ volatile("msr fpcr, %0" : : "r"(uint64_t(0)) : "memory");  // no arithmetic moves across
  }
  ~DefaultFpEnv() { __asm__ volatile("msr fpcr, %0" : : "r"(saved_) : "memory"); }

 private:
  uint64_t saved_ = 0;
#else
  DefaultFpEnv() {}
#endif
 public:
  DefaultFpEnv(const DefaultFpEnv&) = delete;
  DefaultFpEnv& operator=(const DefaultFpEnv&) = delete;
};

}  // namespace hadamrnn
