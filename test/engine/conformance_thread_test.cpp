// SPDX-License-Identifier: BSD-2-Clause
// Check 35: a back-end whose bytes move on a thread of its own, as they do in a device.
#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "conformance_rig.hpp"
#include "mutant_backends.hpp"

namespace bellpull::engine::test {
namespace {

// Copies on its own thread, one transfer after the other. `kTold`: stop() and pause() wait for it.
template <bool kTold>
class ThreadBackend final : public ByteBackend {
 public:
  ThreadBackend() : thread_([this] { work(); }) {}
  ~ThreadBackend() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  ThreadBackend(const ThreadBackend&) = delete;
  ThreadBackend& operator=(const ThreadBackend&) = delete;

  [[nodiscard]] unsigned window() const noexcept override {
    const std::lock_guard lock(mutex_);
    return ByteBackend::window() - std::min(ByteBackend::window(), in_work_ + ended_count());
  }
  unsigned start(std::span<const Op> ops) noexcept override {
    const auto taken = std::min<std::size_t>(window(), ops.size());
    {
      const std::lock_guard lock(mutex_);
      held_.insert(held_.end(), ops.begin(), ops.begin() + static_cast<std::ptrdiff_t>(taken));
    }
    changed_.notify_all();
    return static_cast<unsigned>(taken);
  }
  Reaped reap(std::span<Done> done) noexcept override {
    std::unique_lock lock(mutex_);
    // So that it is in the middle of one when stop() comes, however busy the machine is.
    if (!kTold) changed_.wait(lock, [this] { return in_work_ != 0 || held_.empty(); });
    Reaped reaped;
    while (reaped.count < done.size() && !ended_.empty()) {
      done[reaped.count++] = ended_.front();
      ended_.pop_front();
    }
    return reaped;
  }
  bool cancel(std::uint64_t id) noexcept override {
    const std::lock_guard lock(mutex_);
    return ByteBackend::cancel(id);
  }
  void stop() noexcept override {
    std::unique_lock lock(mutex_);
    ByteBackend::stop();
    if (kTold) changed_.wait(lock, [this] { return in_work_ == 0; });
    ++generation_;
    in_work_ = 0;
    ended_.clear();
  }
  void pause() noexcept override {
    std::unique_lock lock(mutex_);
    paused_ = kTold;
    if (kTold) changed_.wait(lock, [this] { return in_work_ == 0; });
  }
  void resume() noexcept override {
    {
      const std::lock_guard lock(mutex_);
      paused_ = false;
    }
    changed_.notify_all();
  }

 private:
  [[nodiscard]] unsigned ended_count() const { return static_cast<unsigned>(ended_.size()); }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return over_ || (!paused_ && !held_.empty()); });
      if (over_) return;
      const Op op = held_.front();
      const std::vector<Segment> from(op.source.begin(), op.source.end());
      const std::vector<Segment> to(op.destination.begin(), op.destination.end());
      const unsigned generation = generation_;
      held_.pop_front();
      in_work_ = 1;
      changed_.notify_all();
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(kTold ? 50 : 500));
      const Bytes bytes = gather(from);
      scatter(to, bytes);
      lock.lock();
      if (generation == generation_) {
        ended_.push_back({.id = op.id, .bytes = bytes.size()});
        in_work_ = 0;
      }
      changed_.notify_all();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Done> ended_;
  unsigned in_work_ = 0;
  unsigned generation_ = 0;  // counts stops
  bool paused_ = false;
  bool over_ = false;
  std::thread thread_;
};

// However long the machine lets the thread wait for its turn.
conformance::Options patient(unsigned rounds) {
  conformance::Options options = few_rounds();
  options.rounds = rounds;
  options.patience = 1u << 30;
  return options;
}

TEST_CASE("check 35: a back-end that moves bytes on a thread of its own passes") {
  const conformance::Report report =
      conformance::run(subject_of<ThreadBackend<true>>(), patient(6));
  CHECK_MESSAGE(report.passed(), report.text());
}

TEST_CASE("check 35: a thread that goes on after stop or pause is found") {
#if BELLPULL_TEST_SANITIZED
  MESSAGE("left out: it is a data race, as a sanitizer says first");
#else
  const conformance::Options options = patient(32);
  must_fail(subject_of<ThreadBackend<false>>(), "after stop no memory is touched", options);
  must_fail(subject_of<ThreadBackend<false>>(), "nothing moves from pause to resume", options);
#endif
}

}  // namespace
}  // namespace bellpull::engine::test
