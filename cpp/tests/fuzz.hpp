// The core's public interface and the reader of model files, driven by bytes that nobody chose.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hadamrnn::test {

// Makes a model that the bytes describe, sound or not, and runs it in every way. Whether it was sound enough to be
// made; whatever is wrong with it is a std::invalid_argument. Throws std::logic_error where two ways differ.
bool fuzz_model(const uint8_t* data, size_t size);

// Reads the bytes as a model file, whatever its digest, and runs what it holds. Whether it was accepted; whatever is
// wrong with it is a ModelFormatError. Throws std::logic_error where two ways differ.
bool fuzz_file(const uint8_t* data, size_t size);

}  // namespace hadamrnn::test
