// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/fault_link.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "fault_rig.hpp"
#include "nic_accounts.hpp"
#include "offload_frames.hpp"
#include "socket_tap.hpp"

namespace bellpull::test {

/// Another link whose readers take upon themselves what the test says.
class OffloadLink final : public netdrv::Link {
 public:
  OffloadLink(netdrv::Link& inner, netdrv::OffloadSet rx, netdrv::OffloadSet tx)
      : inner_(inner), rx_(rx), tx_(tx) {}
  [[nodiscard]] std::string_view name() const noexcept override { return inner_.name(); }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return inner_.mtu(); }
  [[nodiscard]] netdrv::OffloadSet rx_offloads() const noexcept override { return rx_; }
  [[nodiscard]] netdrv::OffloadSet tx_offloads() const noexcept override { return tx_; }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override {
    return inner_.make_receiver();
  }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override {
    return inner_.make_sender();
  }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override {
    return inner_.system_calls();
  }

 private:
  netdrv::Link& inner_;
  const netdrv::OffloadSet rx_;
  const netdrv::OffloadSet tx_;
};

/// A frame behind its virtio-net header.
inline Bytes raw_frame(const netdrv::test::Bytes& frame, const netdrv::Offload& offload) {
  const std::uint16_t words[] = {offload.hdr_len, offload.gso_size, offload.csum_start,
                                 offload.csum_offset, 0};
  Bytes raw = {static_cast<std::byte>(offload.flags), static_cast<std::byte>(offload.gso_type)};
  for (const std::uint16_t word : words) {
    raw.push_back(static_cast<std::byte>(word & 0xff));
    raw.push_back(static_cast<std::byte>(word >> 8));
  }
  for (const std::uint8_t byte : frame) raw.push_back(static_cast<std::byte>(byte));
  return raw;
}

/// Whether all of them ask for nothing; their headers are cut off.
inline bool make_plain(std::vector<Bytes>& frames) {
  bool plain = true;
  for (Bytes& frame : frames) {
    plain = plain && frame.size() > netdrv::kVnetHeader && frame[0] == std::byte{0} &&
            frame[1] == std::byte{0};
    frame.erase(frame.begin(), frame.begin() + netdrv::kVnetHeader);
  }
  return plain;
}

/// A superframe, and the frames that it stands for.
struct Superframe {
  Superframe(const netdrv::test::FlowFrame& flow, unsigned sequence, std::size_t payload,
             unsigned gso_size) {
    netdrv::test::Piece piece;
    piece.data = netdrv::test::pattern(payload);
    piece.sequence = sequence;
    piece.id = sequence & 0xffff;
    raw = raw_frame(netdrv::test::partial_frame(flow, piece),
                    netdrv::test::super_offload(flow, gso_size));
    for (const auto& frame : netdrv::test::wire_frames(flow, piece, gso_size)) {
      const auto* const begin = reinterpret_cast<const std::byte*>(frame.data());
      wire.emplace_back(begin, begin + frame.size());
    }
  }
  Bytes raw;                ///< behind its virtio-net header
  std::vector<Bytes> wire;  ///< with complete checksums
};

/// A flow of each kind of superframe.
inline std::array<netdrv::test::FlowFrame, 4> every_flow() {
  std::array<netdrv::test::FlowFrame, 4> flows;
  for (unsigned i = 0; i < flows.size(); ++i) {
    flows[i].tcp = i < 2;
    flows[i].v6 = i % 2 == 1;
  }
  return flows;
}

/// What makes a reader take it as it is.
inline netdrv::OffloadSet kind_of(const netdrv::test::FlowFrame& flow) {
  using netdrv::OffloadFeature;
  if (!flow.tcp) return {OffloadFeature::csum, OffloadFeature::uso};
  return {OffloadFeature::csum, flow.v6 ? OffloadFeature::tso6 : OffloadFeature::tso4};
}

/// Two patched ports on socket pairs. Superframes may go in at port 0, whatever they are; port 1
/// sends them with the offloads that the test says and with faults. Its loop has a thread of its
/// own that sleeps whenever there is nothing to do.
class OffloadBench {
 public:
  struct Options {
    netdrv::Style style = netdrv::Style::poll;
    engine::Placement placement = engine::Placement::driven;
    netdrv::OffloadSet tx = netdrv::OffloadSet::all();
    std::string_view plan = "drop:chance=0";
    unsigned ring = 128;
    std::uint32_t mtu = 1500;
    bool coalesce = false;
  };

  explicit OffloadBench(const Options& options)
      : app_(netdrv::make_patch()),
        engine_({.placement = options.placement}),
        in_(taps[0].device("in0", options.mtu)),
        out_(taps[1].device("out0", options.mtu)),
        super_in_(in_, netdrv::OffloadSet::all(), {}),
        super_out_(out_, {}, options.tx),
        link(super_out_, plan_of(options.plan)),
        nic(std::make_unique<netdrv::Nic>(engine_, *app_, netdrv::NicSettings{})) {
    nic->add_port(super_in_, options.style, {.rx_ring = 128, .tx_ring = 128});
    nic->add_port(link, options.style,
                  {.rx_ring = 128, .tx_ring = options.ring, .coalesce = options.coalesce});
    wake_ = netdrv::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    REQUIRE(wake_.get() >= 0);
    nic->watch(wake_.get(), {&OffloadBench::woken, this});
    nic->start();
    run();
  }
  ~OffloadBench() {
    halt();
    nic->drain(std::chrono::milliseconds(0));
    CHECK(adds_up());
    CHECK(nic->stats().pool_outstanding == 0);
  }

  /// The loop runs, on its own thread.
  void run() {
    halt_ = false;
    loop_.emplace([this] {
      while (!halt_.load()) nic->run_once(-1);
    });
  }

  /// The loop stands still, and the NIC is the test's.
  void halt() {
    if (!loop_) return;
    halt_ = true;
    REQUIRE(::eventfd_write(wake_.get(), 1) == 0);
    loop_->join();
    loop_.reset();
  }

  void push(const Bytes& raw) {
    while (!taps[0].push_raw(raw)) std::this_thread::yield();
  }

  /// What port 1 sends, until there are so many; fewer: no more came within a minute.
  [[nodiscard]] std::vector<Bytes> take(std::size_t count) const {
    std::vector<Bytes> taken;
    const auto begun = std::chrono::steady_clock::now();
    while (taken.size() < count) {
      Bytes raw = taps[1].pull_raw();
      if (!raw.empty()) {
        taken.push_back(std::move(raw));
      } else if (std::chrono::steady_clock::now() - begun > std::chrono::minutes(1)) {
        break;
      } else {
        std::this_thread::yield();
      }
    }
    return taken;
  }

  [[nodiscard]] netdrv::PortStats port(unsigned number) const { return nic->stats().ports[number]; }
  [[nodiscard]] netdrv::QueueStats queue(unsigned number) const { return port(number).queues[0]; }
  [[nodiscard]] std::uint64_t dropped(netdrv::DropReason reason) const {
    return queue(1).tx_dropped[static_cast<std::size_t>(reason)];
  }

  /// The law of PortCounters, once drained.
  [[nodiscard]] bool adds_up() const {
    const netdrv::QueueStats in = queue(0);
    const netdrv::QueueStats out = queue(1);
    const std::uint64_t handed = in.rx_packets - sum(in.rx_dropped) - in.rx_consumed;
    return handed + out.tx_cut == out.tx_packets + sum(out.tx_dropped) + out.tx_coalesced;
  }

  std::array<SocketTap, 2> taps;

 private:
  static void woken(void* context) noexcept {
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(static_cast<OffloadBench*>(context)->wake_.get(), &count));
  }

  std::unique_ptr<netdrv::App> app_;
  engine::Engine engine_;
  netdrv::TapLink in_;
  netdrv::TapLink out_;
  OffloadLink super_in_;
  OffloadLink super_out_;
  netdrv::UniqueFd wake_;
  std::atomic<bool> halt_{false};
  std::optional<std::thread> loop_;

 public:
  netdrv::FaultLink link;
  std::unique_ptr<netdrv::Nic> nic;
};

}  // namespace bellpull::test
