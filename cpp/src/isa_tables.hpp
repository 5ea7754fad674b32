// From the active instruction set to its kernels.
#pragma once

#include "kernels/integer.hpp"
#include "kernels/table.hpp"

namespace hadamrnn {

const KernelTable& active_table();
const IntegerTable& active_integer_table();

}  // namespace hadamrnn
