// SPDX-License-Identifier: BSD-2-Clause
// The sizes of the buffers that a port posts: a TAP loses what does not fit without a word.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "nic_accounts.hpp"
#include "socket_tap.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;

namespace {

// What was offered to the device.
struct Offered {
  std::atomic<std::uint64_t> buffers{0};
  std::uint64_t smallest = ~std::uint64_t{0};
  std::uint64_t smallest_first = ~std::uint64_t{0};
};

// Takes any number of buffers and never has anything.
class Measuring final : public engine::Backend {
 public:
  Measuring(engine::Operation operation, Offered& offered)
      : operation_(operation), offered_(offered) {}
  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return {.operations = {operation_}, .max_segments = 2, .max_length = 1U << 20};
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override { return 64; }
  unsigned start(std::span<const engine::Op> ops) noexcept override {
    for (const engine::Op& op : ops) {
      std::uint64_t bytes = 0;
      for (const engine::Segment& segment : op.destination) bytes += segment.length;
      offered_.smallest = std::min(offered_.smallest, bytes);
      offered_.smallest_first =
          std::min<std::uint64_t>(offered_.smallest_first, op.destination.front().length);
    }
    // Release pairs with the acquire in the test case.
    if (operation_ == engine::Operation::read) {
      offered_.buffers.fetch_add(ops.size(), std::memory_order_release);
    }
    return static_cast<unsigned>(ops.size());
  }
  engine::Reaped reap(std::span<engine::Done>) noexcept override { return {}; }
  bool cancel(std::uint64_t) noexcept override { return false; }
  void stop() noexcept override {}

 private:
  const engine::Operation operation_;
  Offered& offered_;
};

struct MeasuringLink final : Link {
  explicit MeasuringLink(std::uint32_t wanted) : bytes(wanted) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "measured"; }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return bytes; }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override {
    return std::make_unique<Measuring>(engine::Operation::read, offered);
  }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override {
    return std::make_unique<Measuring>(engine::Operation::write, offered);
  }
  std::uint32_t bytes;
  Offered offered;
};

}  // namespace

TEST_CASE("F11, F12, F13: every buffer has room for header, longest frame and one byte more") {
  for (const std::uint32_t mtu : {68U, 1280U, 1500U, 1897U, 1898U, 9000U, 65521U}) {
    CAPTURE(mtu);
    test::for_each_style([mtu](Style style, engine::Placement placement) {
      MeasuringLink link(mtu);
      {
        const auto app = make_discard();
        engine::Engine engine({.placement = placement});
        Nic nic(engine, *app, {});
        nic.add_port(link, style, {.rx_ring = 32, .tx_ring = 32, .backlog = 1});
        nic.start();
        // Acquire pairs with the release in Measuring::start().
        while (link.offered.buffers.load(std::memory_order_acquire) < 32) nic.run_once(0);
        nic.drain(std::chrono::milliseconds(0));
      }
      constexpr std::uint64_t kAround = 14 + 4 + 4;  // Ethernet header, two VLAN tags
      CHECK(link.offered.buffers >= 32);
      CHECK(link.offered.smallest >= kVnetHeader + mtu + kAround + 1);
      CHECK(link.offered.smallest_first >= kVnetHeader + 14);
    });
  }
}
