// Dispatch: which instruction set runs, by name and by table.
#include <stdexcept>

#include "check.hpp"
#include "hadamrnn/isa.hpp"
#include "isa_tables.hpp"
#include "tests.hpp"

namespace hadamrnn::test {

void test_isa() {
  check(isa_available(Isa::scalar), "the scalar code is always available");
  for (int i = 0; i < isa_count; ++i) {
    const std::string name = isa_name(Isa(i));
    if (!isa_available(Isa(i))) {
      check_throws<std::invalid_argument>("isa_use refuses " + name, [&] { isa_use(name.c_str()); });
      continue;
    }
    isa_use(name.c_str());
    check(isa_active() == Isa(i), "isa_use(" + name + ")");
    const KernelTable& table = active_table();
    check(table.isa == Isa(i), "the table of " + name + " is its own");
    // The compiler may not fold two tables into one: their code differs.
    const bool own = table.transform_f32 != scalar::table.transform_f32 && table.recur_f32 != scalar::table.recur_f32 &&
                     table.readout_f32 != scalar::table.readout_f32 && table.xnor_i32 != scalar::table.xnor_i32 &&
                     table.xnor_signs_i32 != scalar::table.xnor_signs_i32;
    check(own == (Isa(i) != Isa::scalar), "the kernels of " + name + " are its own");
    for (const char* wrong : {"", "sse9", "Scalar", "scalar "}) {
      check_throws<std::invalid_argument>(std::string("isa_use refuses '") + wrong + "'", [&] { isa_use(wrong); });
    }
    check(isa_active() == Isa(i), "a refused name leaves " + name + " active");
  }
}

}  // namespace hadamrnn::test
