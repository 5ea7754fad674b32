// The core's model of a card and its parameters.
#pragma once

#include <optional>

#include "file/card.hpp"
#include "file/parameters.hpp"
#include "hadamrnn/model.hpp"

namespace hadamrnn::file {

// `prefix` "" for the network that reads forwards, "reverse." for the other one, whose logits have no bias.
Model build(const Card& card, const Parameters& parameters, const std::string& prefix);
// Of an integer model. Throws ModelFormatError where a sum could overflow for some input.
Model build_integer(const Card& card, const Parameters& parameters);

// The core's layer i; `integer` models read no floats of it.
Layer build_layer(const Card& card, const Parameters& parameters, size_t i, const std::string& prefix);

}  // namespace hadamrnn::file
