// SPDX-License-Identifier: BSD-2-Clause
// The two halves of a virtqueue in two processes, each with a mapping of its own of the region: the
// device half believes nothing, and both sleep until they are told.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "bellpull/ring/doorbell.hpp"
#include "emulated.hpp"
#include "queue_pair.hpp"
#include "queue_region.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::test {
namespace {

constexpr int kTooLong = 20'000;  // ms

template <class Layout>
constexpr std::uint32_t kSize = kIsSplit<Layout> ? 16 : 13;

/// The bells of a queue, and one that starts the child.
struct Bells {
  Bells() {
    REQUIRE(kick.make());
    REQUIRE(call.make());
    REQUIRE(go.make());
  }
  Doorbell kick;
  Doorbell call;
  Doorbell go;
};

/// How one side sleeps.
struct Sleeper {
  /// Sleeps on `bell` unless arm() says not to. Whether all is well.
  template <class Half>
  bool sleep(Half& half, Doorbell& bell) {
    if (half.arm()) return true;
    if (start != nullptr && slept == 0) start->ring();
    ++slept;
    const Wake wake = bell.wait(kTooLong, peer);
    half.disarm();
    return wake == Wake::rang;
  }

  Doorbell* start = nullptr;  // rung before the first sleep: who waits for it finds us asleep
  int peer = -1;              // a pidfd
  std::uint64_t slept = 0;
};

/// What a process exits with, whichever half it has.
enum Result { kWell, kNoRegion, kSameAddress, kNotStarted, kNoQueue, kSlept, kWrong, kAddress };

template <class Layout>
int ask(const SharedRegion& region, const Features& features, Bells& bells, Sleeper& sleeper,
        std::uint64_t chains) {
  Asker<Layout> asker(region, kSize<Layout>, features);
  if (asker.attach() != SetupError::none) return kNoQueue;
  while (asker.back < chains) {
    unsigned posted = 0;
    while (posted < 5 && asker.next < chains && asker.post()) ++posted;
    if (asker.half.publish_and_test()) bells.kick.ring();
    if (asker.poll() + posted == 0 && !sleeper.sleep(asker.half, bells.call)) return kSlept;
  }
  return asker.wrong == 0 && asker.half.fault() == QueueFault::none &&
                 asker.half.in_flight() == 0 && asker.half.counters().lengths_clamped == 0
             ? kWell
             : kWrong;
}

template <class Layout>
int answer(const SharedRegion& region, const Features& features, Bells& bells, Sleeper& sleeper,
           std::uint64_t chains) {
  Answerer<Layout> answerer(region, kSize<Layout>, features);
  if (answerer.attach() != SetupError::none) return kNoQueue;
  while (answerer.next < chains) {
    const unsigned taken = answerer.take(1 + static_cast<unsigned>(answerer.next % 7));
    while (!answerer.held.empty()) {  // the newest first
      answerer.complete(answerer.held.back());
      answerer.held.pop_back();
    }
    if (answerer.half.publish_and_test()) bells.call.ring();
    if (taken == 0 && !sleeper.sleep(answerer.half, bells.kick)) return kSlept;
    if (answerer.half.fault() != QueueFault::none) return kWrong;
  }
  return answerer.well() ? kWell : kWrong;
}

/// Whether a word of `bytes` is an address in one of the two.
bool holds_address(std::span<const std::byte> bytes, std::span<const std::byte> one,
                   std::span<const std::byte> other) {
  const auto lies_in = [](std::uint64_t value, std::span<const std::byte> of) {
    return value - reinterpret_cast<std::uintptr_t>(of.data()) < of.size();
  };
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 4) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    if (lies_in(word, one) || lies_in(word, other)) return true;
  }
  return false;
}

/// The child's side: its exit status.
template <class Layout>
int run_child(SharedRegion& inherited, bool drives, const Features& features, Bells& bells,
              std::uint64_t chains) {
  // The parent's mapping is still here, so that ours comes elsewhere; then nobody can use it.
  SharedRegion own;
  if (!own.open(inherited.fd())) return kNoRegion;
  const std::span<const std::byte> parents = inherited.bytes();
  if (own.bytes().data() == parents.data()) return kSameAddress;
  inherited.close();
  if (bells.go.wait(kTooLong) != Wake::rang) return kNotStarted;
  Sleeper sleeper;
  const int result = drives ? ask<Layout>(own, features, bells, sleeper, chains)
                            : answer<Layout>(own, features, bells, sleeper, chains);
  if (result != kWell) return result;
  return holds_address(own.bytes(), own.bytes(), parents) ? kAddress : kWell;
}

template <class Layout>
void run(bool parent_drives, const Features& features, std::uint64_t chains) {
  SharedRegion region;
  REQUIRE(region.create("test", queue_plan<Layout>(kSize<Layout>)));
  Bells bells;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    _exit(run_child<Layout>(region, !parent_drives, features, bells, chains));
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  CHECK(pidfd >= 0);
  Sleeper sleeper{.start = &bells.go, .peer = pidfd};
  const int result = parent_drives ? ask<Layout>(region, features, bells, sleeper, chains)
                                   : answer<Layout>(region, features, bells, sleeper, chains);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  close(pidfd);
  CHECK(result == kWell);
  CHECK(sleeper.slept > 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == kWell);
}

TEST_CASE_TEMPLATE(
    "check 19: a virtqueue in a shared region serves two processes at different addresses", L,
    Split, Packed) {
  if (engine::test::left_out_when_emulated()) return;  // both sides sleep
  for (const bool parent_drives : {false, true}) {
    for (const Features& features : all_features()) {
      CAPTURE(parent_drives);
      CAPTURE(features.event_idx);
      CAPTURE(features.indirect);
      CAPTURE(features.in_order);
      run<L>(parent_drives, features, engine::test::scaled(5000));
    }
  }
}

TEST_CASE("check 19: an address in a region would be found") {
  SharedRegion mine, theirs;
  REQUIRE(mine.create("test", queue_plan<Split>(4)));
  REQUIRE(theirs.open(mine.fd()));
  CHECK_FALSE(holds_address(mine.bytes(), mine.bytes(), theirs.bytes()));
  for (const std::byte* const address : {mine.bytes().data() + 1, theirs.bytes().data()}) {
    std::memcpy(mine.part(kBufferPart).data() + 12, &address, sizeof address);
    CHECK(holds_address(mine.bytes(), mine.bytes(), theirs.bytes()));
  }
}

}  // namespace
}  // namespace bellpull::ring::test
