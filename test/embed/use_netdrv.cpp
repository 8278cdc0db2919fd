// SPDX-License-Identifier: BSD-2-Clause
// A user of the component netdrv: a port of its own, so that no privilege is needed, under a Nic
// with the application `reflect`.
#include <array>
#include <bellpull/engine/engine.hpp>
#include <bellpull/netdrv/apps.hpp>
#include <bellpull/netdrv/nic.hpp>
#include <bellpull/netdrv/packet_pool.hpp>
#include <bellpull/ring/version.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace engine = bellpull::engine;
namespace netdrv = bellpull::netdrv;

namespace {

using Frame = std::array<std::uint8_t, 60>;

// One frame comes in, and what goes out is kept.
class OneFramePort final : public netdrv::Port {
 public:
  OneFramePort(netdrv::PacketPool& pool, const Frame& arriving, Frame& sent,
               netdrv::Receiver& stack)
      : sent_(sent), stack_(stack) {
    if (pool.allocate({&arriving_, 1}, false) != 1) return;
    arriving_.resize(static_cast<std::uint32_t>(arriving.size()));
    std::memcpy(arriving_.head().data(), arriving.data(), arriving.size());
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "memory"; }

  void start() noexcept override {}

  netdrv::Polled poll(unsigned budget, std::uint32_t) noexcept override {
    if (!arriving_ || budget == 0) return {};
    counters_.rx_packets.add(1);
    stack_.receive({&arriving_, 1});
    return {.work = 1, .more = false};
  }

  unsigned tx(std::span<netdrv::Packet> packets) noexcept override {
    for (netdrv::Packet& packet : packets) {
      std::memcpy(sent_.data(), packet.head().data(), sent_.size());
      packet.reset();
      counters_.tx_packets.add(1);
    }
    return static_cast<unsigned>(packets.size());
  }

  unsigned reclaim() noexcept override { return 0; }
  [[nodiscard]] unsigned tx_in_flight() const noexcept override { return 0; }
  [[nodiscard]] engine::Armed arm() noexcept override {
    return arriving_ ? engine::Armed::work_pending : engine::Armed::armed;
  }
  void disarm() noexcept override {}
  [[nodiscard]] netdrv::PortState state() const noexcept override { return state_; }
  void stop_rx() noexcept override {}
  void stop_tx() noexcept override { state_ = netdrv::PortState::stopped; }
  [[nodiscard]] netdrv::PortCounters& counters() noexcept override { return counters_; }
  [[nodiscard]] std::uint64_t notifies() const noexcept override { return 0; }
  [[nodiscard]] std::uint64_t border_calls() const noexcept override { return 0; }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }

 private:
  Frame& sent_;
  netdrv::Receiver& stack_;
  netdrv::Packet arriving_;
  netdrv::PortCounters counters_;
  netdrv::PortState state_ = netdrv::PortState::running;
};

bool reflect() {
  constexpr std::array<std::uint8_t, 6> kHere{2, 0, 0, 0, 0, 1};
  constexpr std::array<std::uint8_t, 6> kThere{2, 0, 0, 0, 0, 2};
  Frame arriving{};
  std::memcpy(arriving.data(), kHere.data(), kHere.size());
  std::memcpy(arriving.data() + 6, kThere.data(), kThere.size());
  arriving[12] = 0x88;
  arriving[13] = 0xb5;
  Frame sent{};

  netdrv::PacketPool pool({.heads = 8, .tails = 0});
  engine::Engine engine({.placement = engine::Placement::driven});
  const auto app = netdrv::make_reflect();
  netdrv::Nic nic(engine, *app, {.mode = netdrv::Mode::interrupt, .budget = 4});
  nic.add_port([&](const engine::Notify&, netdrv::Receiver& stack) {
    return std::make_unique<OneFramePort>(pool, arriving, sent, stack);
  });
  nic.start();
  while (nic.run_once(0)) {
  }
  nic.drain(std::chrono::milliseconds(0));
  const netdrv::NicStats stats = nic.stats();
  return stats.ports[0].queues[0].tx_packets == 1 && pool.outstanding() == 0 &&
         std::memcmp(sent.data(), kThere.data(), kThere.size()) == 0 &&
         std::memcmp(sent.data() + 6, kHere.data(), kHere.size()) == 0;
}

}  // namespace

int main() {
  if (!reflect()) {
    std::puts("netdrv: the frame did not come back");
    return 1;
  }
  std::printf("netdrv %d.%d.%d\n", BELLPULL_VERSION_MAJOR, BELLPULL_VERSION_MINOR,
              BELLPULL_VERSION_PATCH);
}
