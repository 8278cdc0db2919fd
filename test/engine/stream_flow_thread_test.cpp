// SPDX-License-Identifier: BSD-2-Clause
// No wake-up is lost between a pause from inside a sink and a resume on another thread: one resume
// for each pause, after delays of random length, and nothing else that would wake the engine.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <random>
#include <string>

#include "long_run.hpp"
#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Pauses at random from inside, and tells when a completion comes although it paused and no
// resume() has been called since.
struct Judge {
  explicit Judge(std::uint64_t seed) : random(seed) {}
  std::mt19937_64 random;
  StreamChannel* channel = nullptr;
  bool paused = false;
  std::uint64_t resumed_before = 0;  // calls that had returned when it paused
  std::atomic<std::uint64_t> heard{0};
  std::atomic<std::uint64_t> pauses{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> resumes_begun{0};
  std::atomic<std::uint64_t> resumes_over{0};

  void take(const Completion& done) noexcept {
    const std::uint64_t count = heard.load();
    if (done.token != count || done.status != Status::ok) wrong.fetch_add(1);
    if (paused && resumes_begun.load() == resumed_before) wrong.fetch_add(1);
    paused = random() % 2 == 0;
    if (paused) {
      resumed_before = resumes_over.load();
      channel->pause();
      pauses.fetch_add(1);
    }
    heard.store(count + 1);
  }
  void resume() {
    resumes_begun.fetch_add(1);
    channel->resume();
    resumes_over.fetch_add(1);
  }
};

void pause_and_resume(Engine& engine, QueueLayout layout, std::uint64_t wanted) {
  const std::uint64_t seed = ring::test::announce_seed("delays", 1);
  CAPTURE(seed);
  BackendLog log;
  Judge judge(seed);
  const CompletionSink sink{[](void* context, const Completion& done) noexcept {
                              static_cast<Judge*>(context)->take(done);
                            },
                            &judge};
  const auto channel = engine.open_stream({.size = 8, .notify = {}, .sink = sink, .layout = layout},
                                          std::make_unique<TestBackend>(log));
  judge.channel = channel.get();
  std::mt19937_64 random(seed + 1);
  const auto delay = [&random] {
    const std::uint64_t bits = random();
    const std::uint64_t most = std::uint64_t{1} << (bits % 13);
    for (std::uint64_t left = (bits >> 8) % most; left != 0; --left) {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
    }
  };
  std::string text = "x";
  std::uint64_t posted = 0, undone = 0;
  const auto all_heard = [&] {
    // One resume() for each pause and no issue(): a wake-up that is lost is not made up for.
    if (const std::uint64_t pauses = judge.pauses.load(); pauses != undone) {
      undone = pauses;
      delay();
      judge.resume();
    } else if (random() % 64 == 0) {
      channel->pause();
      delay();
      judge.resume();
    }
    return judge.heard.load() == posted;
  };
  bool stuck = false;
  while (posted < wanted && !stuck) {
    for (std::uint64_t left = 1 + random() % 8; left != 0; --left) {
      if (post(*channel, bytes_of(text), posted).kind == Kind::none) ++posted;
    }
    channel->issue();
    stuck = !until(engine, all_heard, [&] { return judge.heard.load(); });
  }
  MESSAGE(posted << " transfers, " << judge.pauses.load() << " pauses by the sink, "
                 << engine.stats().waits << " waits, " << engine.stats().doorbells << " doorbells");
  CHECK_FALSE(stuck);
  CHECK(judge.wrong.load() == 0);
  CHECK(judge.heard.load() == posted);
  CHECK(judge.pauses.load() > posted / 4);
}

TEST_CASE("an engine that sleeps while paused is woken by every resume, whenever it comes") {
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    Engine engine({.placement = Placement::autonomous});
    pause_and_resume(engine, layout, scaled(long_run() ? 3'000'000 : 200'000));
    CHECK(engine.stats().waits != 0);  // or nothing was tested
  }
}

TEST_CASE("pauses and resumes reach an engine that never sleeps, and one that its owner drives") {
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    Engine spinning({.placement = Placement::autonomous, .spin = true});
    pause_and_resume(spinning, layout, scaled(100'000));
    Engine driven({});
    pause_and_resume(driven, layout, scaled(100'000));
  }
}

}  // namespace
}  // namespace bellpull::engine::test
