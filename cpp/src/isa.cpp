#include "hadamrnn/isa.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "isa_tables.hpp"

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

namespace hadamrnn {
namespace {

constexpr const char* names[isa_count] = {"scalar", "avx2", "avx512", "neon"};

#if defined(__x86_64__) || defined(_M_X64)
struct CpuId {
  unsigned a = 0, b = 0, c = 0, d = 0;
  CpuId(unsigned leaf, unsigned subleaf) {
#if defined(_MSC_VER)
    int r[4];
    __cpuidex(r, int(leaf), int(subleaf));
    a = unsigned(r[0]), b = unsigned(r[1]), c = unsigned(r[2]), d = unsigned(r[3]);
#else
    __get_cpuid_count(leaf, subleaf, &a, &b, &c, &d);
#endif
  }
};

// Which register files the operating system saves. The processor's own flags are not enough: a
// virtual machine may hide AVX state, and executing an instruction to see would kill the process.
unsigned long long saved_state() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<unsigned long long>(high) << 32) | low;
#endif
}

bool supported_x86(Isa isa) {
  const CpuId base(1, 0), extended(7, 0);
  const auto has = [](unsigned word, int bit) { return (word >> bit & 1) != 0; };
  const bool osxsave = has(base.c, 27);
  if (!osxsave || !has(base.c, 28)) return false;
  const unsigned long long xcr0 = saved_state();
  const bool avx2 = (xcr0 & 0x06) == 0x06 && has(base.c, 12) && has(base.c, 23) &&   // FMA, POPCNT
                    has(extended.b, 3) && has(extended.b, 5) && has(extended.b, 8);  // BMI1 AVX2 BMI2
  if (isa == Isa::avx2) return avx2;
#if defined(__APPLE__)
  return false;  // macOS turns AVX-512 state on lazily, so XCR0 says nothing there
#else
  return avx2 && (xcr0 & 0xE6) == 0xE6 && has(extended.b, 16) && has(extended.b, 17) &&  // F DQ
         has(extended.b, 30) && has(extended.b, 31) && has(extended.c, 14);              // BW VL VPOPCNTDQ
#endif
}
#endif

bool supported(Isa isa) {
  if (isa == Isa::scalar || isa == Isa::neon) return true;  // every AArch64 processor has NEON
#if defined(__x86_64__) || defined(_M_X64)
  static const bool avx2 = supported_x86(Isa::avx2), avx512 = supported_x86(Isa::avx512);
  return isa == Isa::avx2 ? avx2 : avx512;
#else
  return false;
#endif
}

const KernelTable* built(Isa isa) {
  switch (isa) {
    case Isa::scalar: return &scalar::table;
#if HADAMRNN_HAVE_AVX2
    case Isa::avx2: return &avx2::table;
#endif
#if HADAMRNN_HAVE_AVX512
    case Isa::avx512: return &avx512::table;
#endif
#if HADAMRNN_HAVE_NEON
    case Isa::neon: return &neon::table;
#endif
    default: return nullptr;
  }
}

std::string available_list() {
  std::string list;
  for (int i = 0; i < isa_count; ++i) {
    if (isa_available(Isa(i))) list += (list.empty() ? "" : ", ") + std::string(names[i]);
  }
  return list;
}

Isa parse(const std::string& name, const char* source) {
  for (int i = 0; i < isa_count; ++i) {
    if (name != names[i]) continue;
    if (isa_available(Isa(i))) return Isa(i);
    throw std::invalid_argument(std::string(source) + " asks for instruction set '" + name +
                                "', which this build or processor does not have; available: " + available_list());
  }
  throw std::invalid_argument(std::string(source) + " names the unknown instruction set '" + name +
                              "'; available: " + available_list());
}

Isa choose_default() {
  const char* env = std::getenv("HADAMRNN_ISA");
  if (env && *env) return parse(env, "HADAMRNN_ISA");
  Isa best = Isa::scalar;
  for (int i = 0; i < isa_count; ++i) {
    if (isa_available(Isa(i))) best = Isa(i);
  }
  return best;
}

std::atomic<int> active{-1};

}  // namespace

const char* isa_name(Isa isa) { return names[int(isa)]; }

bool isa_available(Isa isa) { return built(isa) != nullptr && supported(isa); }

Isa isa_active() {
  int isa = active.load();
  if (isa < 0) {
    isa = int(choose_default());  // throws again at every call while HADAMRNN_ISA is wrong
    active.store(isa);
  }
  return Isa(isa);
}

void isa_use(const char* name) { active.store(int(parse(name, "isa.use"))); }

const KernelTable& active_table() { return *built(isa_active()); }

}  // namespace hadamrnn
