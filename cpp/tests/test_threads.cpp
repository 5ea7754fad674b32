// The thread pool: everything once, errors to the caller, an end before its time, several callers, their own settings.
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"
#include "flush_to_zero.hpp"
#include "hadamrnn/interrupt.hpp"
#include "pause.hpp"
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

// Gives up when asked for the last time of `asks`.
class Impatient final : public Poll {
 public:
  explicit Impatient(int asks) : left_(asks) {}
  void ask() override {
    if (--left_ <= 0) throw std::runtime_error("enough");
  }

 private:
  int left_;
};

// A body that would never end by itself, in all threads: one poll, asked by the caller, ends them all.
void test_interrupt(int threads) {
  Impatient poll(5);
  std::atomic<int> begun{0}, ended{0};
  check_throws<std::runtime_error>("a poll that throws, " + std::to_string(threads) + " threads", [&] {
    const Interruptible scope(poll);
    parallel_for(threads, threads, [&](int64_t) {
      ++begun;
      struct End {
        std::atomic<int>& count;
        ~End() { ++count; }
      } end{ended};
      for (;;) pause(pause_work);
    });
  });
  check(begun == ended && begun >= 1, "no body is left behind by an interrupted call");
  check(!has_poll(), "a poll ends with its scope");
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
    if (threads > 0) test_interrupt(threads);
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
