// The Hadamard matrices of python/hadamrnn_ext/hadamard.py: m = r 2^k with the smallest base order r that a formula
// gives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hadamrnn::file {

// r of m, 1 for a power of two. Throws ModelFormatError for an order that no formula here gives.
int64_t base_order(int64_t m);
// "sylvester", "paley1(12)" or "sylvester(8) x paley1(12)".
std::string construction(int64_t m);
// (r, r) entries +-1 of a base order.
std::vector<int8_t> core_matrix(int64_t r);

}  // namespace hadamrnn::file
