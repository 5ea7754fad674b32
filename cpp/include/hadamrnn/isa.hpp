// Which instruction set the kernels run on.
#pragma once

#include <stdint.h>

namespace hadamrnn {

enum class Isa : int8_t { scalar, avx2, avx512, neon };
constexpr int isa_count = 4;

const char* isa_name(Isa isa);
// Built into this library and supported by this processor and operating system.
bool isa_available(Isa isa);
// The instruction set that new models capture: the best available one, unless HADAMRNN_ISA or
// isa_use() says otherwise. Throws std::invalid_argument if HADAMRNN_ISA names none that can run.
Isa isa_active();
// Throws std::invalid_argument when `name` is unknown or cannot run here.
void isa_use(const char* name);

}  // namespace hadamrnn
