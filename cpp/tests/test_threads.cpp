// The thread pool: everything once, errors to the caller, several callers, the caller's own settings.
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"
#include "flush_to_zero.hpp"
#include "tests.hpp"
#include "threads.hpp"

namespace hadamrnn::test {
namespace {

// True if parallel_for calls the body exactly once for each index.
bool each_once(int64_t count, int threads) {
  std::vector<std::atomic<int>> calls(static_cast<size_t>(count));
  parallel_for(count, threads, [&](int64_t i) { ++calls[size_t(i)]; });
  for (const std::atomic<int>& n : calls) {
    if (n != 1) return false;
  }
  return true;
}

}  // namespace

void test_threads() {
  for (const int threads : {0, 1, 2, 5, 16}) {
    for (const int64_t count : {0, 1, 2, 7, 1000}) {
      check(each_once(count, threads),
            "parallel_for of " + std::to_string(count) + " on " + std::to_string(threads) + " threads");
    }
    check_throws<std::runtime_error>("an error on " + std::to_string(threads) + " threads", [&] {
      parallel_for(50, threads, [](int64_t i) {
        if (i == 17) throw std::runtime_error("17");
      });
    });
    check(each_once(10, threads), "parallel_for after an error");
  }

  std::atomic<int> good{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) good += each_once(20, 3);
    });
  }
  for (std::thread& caller : callers) caller.join();
  check(good == 200, "four callers at once");

  const FlushToZero caller;
  std::atomic<int> flushing{0};
  parallel_for(100, 4, [&](int64_t) { flushing += FlushToZero::active(); });
  check(flushing == 0, "no kernel runs with flush-to-zero");
  check(FlushToZero::active(), "the caller keeps flush-to-zero");
}

}  // namespace hadamrnn::test
