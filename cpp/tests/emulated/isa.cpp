// Takes the place of src/isa.cpp in the emulated test program, where the AVX-512 table is compiled
// against SIMDe (immintrin.h beside this file) and so runs on every processor. No CPUID is asked, and the
// product has no such door.
#include "hadamrnn/isa.hpp"

#include <stdexcept>
#include <string>

#include "isa_tables.hpp"

namespace hadamrnn {
namespace {

const KernelTable* const tables[isa_count] = {&scalar::table, nullptr, &avx512::table, nullptr};
const char* const names[isa_count] = {"scalar", "avx2", "avx512", "neon"};
Isa active = Isa::scalar;

}  // namespace

const char* isa_name(Isa isa) { return names[int(isa)]; }
bool isa_available(Isa isa) { return tables[int(isa)] != nullptr; }
Isa isa_active() { return active; }
const KernelTable& active_table() { return *tables[int(active)]; }

void isa_use(const char* name) {
  for (int i = 0; i < isa_count; ++i) {
    if (std::string(name) == names[i] && tables[i]) {
      active = Isa(i);
      return;
    }
  }
  throw std::invalid_argument(std::string(name) + " is not emulated");
}

}  // namespace hadamrnn
