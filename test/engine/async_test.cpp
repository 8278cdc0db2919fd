// SPDX-License-Identifier: BSD-2-Clause
// Who spends the time: the engine's thread moves the bytes, the submitter does not.
#include <doctest/doctest.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "operation_rig.hpp"
#include "sanitizers.hpp"

namespace bellpull::engine::test {
namespace {

/// What a GateBackend does, read and written by the test while the engine runs.
struct Gate {
  std::atomic<bool> open{false};
  std::atomic<std::thread::id> mover{};  // who moved the bytes
};

/// A copy back-end that moves nothing before its gate is open.
class GateBackend final : public Backend {
 public:
  explicit GateBackend(Gate& gate) : gate_(gate), inner_(make_copy_backend()) {}
  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return inner_->capabilities();
  }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override { return inner_->window(); }
  unsigned start(std::span<const Op> ops) noexcept override { return inner_->start(ops); }
  Reaped reap(std::span<Done> done) noexcept override {
    if (!gate_.open.load()) return {};
    gate_.mover.store(std::this_thread::get_id());
    return inner_->reap(done);
  }
  bool cancel(std::uint64_t id) noexcept override { return inner_->cancel(id); }
  void stop() noexcept override { inner_->stop(); }

 private:
  Gate& gate_;
  std::unique_ptr<Backend> inner_;
};

/// Processor time of the calling thread, in nanoseconds: what nobody else can make longer.
[[nodiscard]] std::int64_t own_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

TEST_CASE(
    "S0.3: submitting and issuing 64 MiB returns at once, while all bytes have still to move") {
  const std::size_t size = std::size_t{64} << 20;
  Bytes from(size, std::byte{9}), to(size);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    Gate gate;
    OperationRig rig(setting, std::make_unique<GateBackend>(gate));
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    constexpr Cookie kTries = 50;
    for (Cookie tries = 1; tries <= kTries; ++tries) {
      PrepareResult prepared = rig.channel->prepare({&copy, 1});
      REQUIRE(prepared);
      const std::int64_t before = own_time();
      const Cookie cookie = rig.channel->submit(std::move(prepared.prepared));
      rig.channel->issue();
      best = std::min(best, own_time() - before);
      // The gate is closed: had these calls waited for the bytes, they would not have returned.
      REQUIRE(cookie == tries);
      CHECK(rig.channel->status(cookie).state == TransferState::in_progress);
      CHECK(rig.channel->status(cookie).left == size);
    }
    rig.channel->terminate();
    REQUIRE(rig.collect(kTries).size() == kTries);
    REQUIRE(rig.submit(copy) != 0);
    rig.channel->issue();
    CHECK(to.bytes().front() == std::byte{});
    CHECK(to.bytes().back() == std::byte{});
    if (BELLPULL_TEST_SANITIZED == 0 && !emulated()) CHECK(best < 10'000);
    gate.open.store(true);
    REQUIRE(rig.collect(1).at(0).bytes == size);
    CHECK(to.bytes() == from.bytes());
    const bool moved_here = gate.mover.load() == std::this_thread::get_id();
    CHECK(moved_here == (setting.placement == Placement::driven));
    std::fill(to.bytes().begin(), to.bytes().end(), std::byte{});
  }
}

}  // namespace
}  // namespace bellpull::engine::test
