// Logits -> classes and their probabilities.
#pragma once

#include <cstdint>

namespace hadamrnn {

// Outputs are logits of as many classes; a single one is that of class 1, where class 0 has the logit 0.
inline int64_t class_count(int64_t outputs) { return outputs == 1 ? 2 : outputs; }

// The softmax of (rows, outputs) finite logits -> (rows, classes), summed up in float64 and rounded once.
void probabilities(const float* logits, int64_t rows, int64_t outputs, float* out);

// The `top` classes of each row with the largest logits, the largest first and of equal ones the lower class: their
// numbers and their probabilities, both (rows, top). False, and nothing to be read, if a logit is not finite.
bool most_probable(const float* logits, int64_t rows, int64_t outputs, int64_t top, int64_t* classes, float* out);

}  // namespace hadamrnn
