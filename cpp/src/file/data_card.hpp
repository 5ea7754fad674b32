// The parts of a card that tell where a model comes from. A network needs nothing of them; they are checked.
#pragma once

#include <string>

#include "file/json.hpp"

namespace hadamrnn::file {

void check_training(const Json& json, const std::string& where);
// With so many channels.
void check_data(const Json& json, const std::string& where, int64_t channels);

}  // namespace hadamrnn::file
