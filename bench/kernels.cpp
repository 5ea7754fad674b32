// Times the kernels of one instruction set, without Python around them:
//
//   hadamrnn_bench [--seconds S] [--count N] [--list] [CASE ...]
//
// One line of JSON a case: median seconds of one unit of work, and clock cycles where the clock can
// be measured. --count N runs each case N times untimed, so that an instruction counter sees the
// kernel alone. HADAMRNN_ISA chooses the instruction set.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "cases.hpp"
#include "fp_env.hpp"
#include "isa_tables.hpp"

namespace hadamrnn::bench {
namespace {

struct Options {
  double seconds = 0.2;
  int64_t count = 0;
  bool list = false;
  std::vector<std::string> ids;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--list") {
      options.list = true;
    } else if (arg == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else if (arg == "--count" && i + 1 < argc) {
      options.count = std::atoll(argv[++i]);
    } else {
      options.ids.push_back(arg);
    }
  }
  return options;
}

std::vector<Case> choose(const std::vector<std::string>& ids) {
  const std::vector<Case> all = all_cases();
  if (ids.empty()) return all;
  std::vector<Case> chosen;
  for (const std::string& id : ids) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Case& c) { return c.id == id; });
    if (found == all.end()) throw std::invalid_argument("no case '" + id + "'; --list names them");
    chosen.push_back(*found);
  }
  return chosen;
}

void run(const Options& options) {
  const KernelTable& kernels = active_table();
  const DefaultFpEnv env;
  const double hz = options.list || options.count > 0 ? 0 : clock_hz();
  for (const Case& c : choose(options.ids)) {
    if (options.list) {
      std::printf("%s\n", c.id.c_str());
      continue;
    }
    const Work work = c.make(kernels);
    if (options.count > 0) {
      for (int64_t i = 0; i < options.count; ++i) work();
      continue;
    }
    const double unit = time_of(work, options.seconds) / double(c.units);
    std::printf("{\"id\": \"%s\", \"isa\": \"%s\", \"seconds\": %.6e, \"cycles\": %.1f}\n", c.id.c_str(),
                isa_name(kernels.isa), unit, unit * hz);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace hadamrnn::bench

int main(int argc, char** argv) {
  try {
    hadamrnn::bench::run(hadamrnn::bench::parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hadamrnn_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
