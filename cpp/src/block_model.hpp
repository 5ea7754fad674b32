// The packed layer of an integer model that forgets.
#pragma once

#include <memory>

#include "hadamrnn/integer.hpp"
#include "model_data.hpp"

namespace hadamrnn {

// The layer as the recurrence of this kernel wants it: in 16-bit lanes blocks are interleaved.
Layer block_layer(const BlockSpec& spec, Kernel kernel);
// What is read of it, but for the thresholds, which are integers in BlockData.
Pool<float> block_pool(const BlockSpec& spec, Output output);
// Throws std::invalid_argument where the pieces do not fit together.
std::unique_ptr<const BlockData> pack_blocks(const IntegerSpec& spec, Kernel kernel, const Pool<float>& pool,
                                             const Storage& storage);

}  // namespace hadamrnn
