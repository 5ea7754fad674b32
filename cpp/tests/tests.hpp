// What main.cpp runs. A test that takes a table runs once for each instruction set, which is then the
// active one.
#pragma once

#include <string>

#include "kernels/table.hpp"

namespace hadamrnn::test {

void test_transform(const KernelTable& table);
void test_recurrence(const KernelTable& table);
void test_lanes(const KernelTable& table);
void test_backward(const KernelTable& table);
void test_training(const KernelTable& table);
void test_integer(const KernelTable& table);
void test_linear(const KernelTable& table);
void test_masked_add(const KernelTable& table);
void test_xnor(const KernelTable& table);
void test_traces(const KernelTable& table, const std::string& file);

void test_load(const std::string& traces);  // on the active instruction set

void test_features();
void test_files(const std::string& traces);
void test_isa();
void test_stream();
void test_fuzz();
void test_fuzz_files(const std::string& traces);
void test_threads();

}  // namespace hadamrnn::test
