// From the active instruction set to its kernels.
#pragma once

#include "kernels/table.hpp"

namespace hadamrnn {

const KernelTable& active_table();

}  // namespace hadamrnn
