#include "threads.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

#include "fp_env.hpp"
#include "hadamrnn/prepare_to_throw.hpp"
#include "pause.hpp"

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace hadamrnn {
namespace {

// What a helper's long body asks: whether the others have given up.
struct GivenUp {};

struct Job final : Poll {
  int64_t count;
  const std::function<void(int64_t)>* body;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  int helpers = 0;  // workers inside run(), guarded by mutex
  std::mutex mutex;
  std::condition_variable left;
  std::exception_ptr error;

  void run() {
    const DefaultFpEnv env;
    for (int64_t i; (i = next.fetch_add(1)) < count;) {
      try {
        ask_poll();
        (*body)(i);
      } catch (...) {
        fail();
      }
    }
  }

  // Keeps the exception at hand if it is the first, and lets everybody stop.
  void fail() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!error) error = std::current_exception();
    next.store(count);
    failed.store(true);
  }

  void ask() override {
    if (failed.load(std::memory_order_relaxed)) throw GivenUp{};
  }

  // A worker may come when all is done and the caller has gone: then there is nothing to touch.
  void help() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      if (next.load() >= count) return;
      ++helpers;
    }
    {
      const Interruptible scope(*this);
      run();
    }
    const std::lock_guard<std::mutex> lock(mutex);
    if (--helpers == 0) left.notify_all();
  }

  void wait() {
    while (!ended()) {
      try {
        ask_poll();
      } catch (...) {
        fail();
      }
    }
    if (error) std::rethrow_exception(error);
  }

  // Waits for the helpers, a while only where there is a poll to ask.
  bool ended() {
    std::unique_lock<std::mutex> lock(mutex);
    const auto none = [this] { return helpers == 0; };
    if (has_poll() && !error) return left.wait_for(lock, std::chrono::milliseconds(10), none);
    left.wait(lock, none);
    return true;
  }
};

class Pool {
 public:
  void submit(const std::shared_ptr<Job>& job, int helpers) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (; workers_ < helpers; ++workers_) {
        try {
          std::thread([this] { work(); }).detach();
        } catch (const std::exception&) {
          break;  // no more threads, or no memory for them: the caller does the work
        }
      }
      try {
        for (int i = 0; i < helpers; ++i) jobs_.push_back(job);
      } catch (const std::bad_alloc&) {  // fewer helpers, then
      }
    }
    wake_.notify_all();
  }

 private:
  void work() {
    if (!prepare_to_throw()) {  // who is no help
      const std::lock_guard<std::mutex> lock(mutex_);
      --workers_;
      return;
    }
    for (;;) {
      std::shared_ptr<Job> job;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [this] { return !jobs_.empty(); });
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      job->help();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> jobs_;
  int workers_ = 0;
};

// Never destroyed, as its threads may outlive static destructors. A forked child has no worker
// threads and perhaps a locked mutex: it starts with a new pool.
std::atomic<Pool*> pool{nullptr};

Pool& the_pool() {
  Pool* p = pool.load();
  if (!p) {
    Pool* fresh = new Pool;
    if (pool.compare_exchange_strong(p, fresh)) {
#if !defined(_WIN32)
      static std::once_flag once;
      std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); }); });
#endif
      return *fresh;
    }
    delete fresh;
  }
  return *p;
}

}  // namespace

void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& body) {
  if (threads <= 1 || count <= 1) {  // there is nobody to share with
    const DefaultFpEnv env;
    for (int64_t i = 0; i < count; ++i) {
      ask_poll();
      body(i);
    }
    return;
  }
  const auto job = std::make_shared<Job>();
  job->count = count;
  job->body = &body;
  const int64_t helpers = (threads < count ? threads : count) - 1;
  if (helpers > 0) the_pool().submit(job, int(helpers));
  job->run();
  job->wait();
}

}  // namespace hadamrnn
