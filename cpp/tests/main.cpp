// hadamrnn_tests TRACES [ISA...]: runs every test on every available instruction set. The named ones
// must be among them. The last line says how many checks passed and failed.
#include <cinttypes>
#include <cstdio>
#include <stdexcept>

#include "check.hpp"
#include "hadamrnn/isa.hpp"
#include "isa_tables.hpp"
#include "tests.hpp"

namespace hadamrnn::test {
namespace {

void run_all(const KernelTable& table, const std::string& traces) {
  test_transform(table);
  test_recurrence(table);
  test_lanes(table);
  test_backward(table);
  test_training(table);
  test_integer(table);
  test_linear(table);
  test_masked_add(table);
  test_xnor(table);
  test_traces(table, traces);
  test_load(traces);
}

void run_isa(Isa isa, const std::string& traces) {
  if (!isa_available(isa)) {
    std::printf("%-8s not in this build, or not on this processor\n", isa_name(isa));
    return;
  }
  const Count before = count();
  isa_use(isa_name(isa));
  const KernelTable& table = active_table();
  check(table.isa == isa, std::string("the table that runs is that of ") + isa_name(isa));
  run_all(table, traces);
  test_stream();
  test_fuzz();
  check(isa_active() == isa, std::string("still active: ") + isa_name(isa));
  std::printf("%-8s %" PRId64 " passed, %" PRId64 " failed\n", isa_name(table.isa), count().passed - before.passed,
              count().failed - before.failed);
}

void run(int argc, char** argv) {
  if (argc < 2) throw std::invalid_argument("usage: hadamrnn_tests TRACES [ISA...]");
  for (int i = 2; i < argc; ++i) {
    bool found = false;
    for (int j = 0; j < isa_count; ++j)
      found = found || (isa_name(Isa(j)) == std::string(argv[i]) && isa_available(Isa(j)));
    check(found, std::string("the instruction set ") + argv[i] + " is available");
  }
  test_isa();
  test_features();
  test_files(argv[1]);
  test_fuzz_files(argv[1]);
  test_threads();
  for (int i = 0; i < isa_count; ++i) run_isa(Isa(i), argv[1]);
}

}  // namespace
}  // namespace hadamrnn::test

int main(int argc, char** argv) {
  using hadamrnn::test::count;
  try {
    hadamrnn::test::run(argc, argv);
  } catch (const std::exception& error) {
    hadamrnn::test::check(false, error.what());
  }
  std::printf("%" PRId64 " passed, %" PRId64 " failed\n", count().passed, count().failed);
  return count().failed == 0 ? 0 : 1;
}
