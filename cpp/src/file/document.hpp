// What the metadata of a model file says, once its digest is found to be right.
#pragma once

#include "file/container.hpp"
#include "file/json.hpp"

namespace hadamrnn::file {

constexpr int newest_version = 6;

struct Document {
  int version;
  Json card;
};

// Throws ModelFormatError for text that is not canonical, an unknown version, and a wrong digest; `verify` off, for
// fuzzing, takes any digest.
Document read_document(const Container& container, bool verify);

}  // namespace hadamrnn::file
