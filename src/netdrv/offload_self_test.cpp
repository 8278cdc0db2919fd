// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/offload_self_test.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/segmenter.hpp"
#include "bellpull/netdrv/style.hpp"
#include "probe_frames.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint64_t kPatienceNs = 20'000'000;
constexpr unsigned kMostFrames = 64;  // of which a probe may consist
constexpr PortOptions kSmall = {.rx_ring = 64, .tx_ring = 16, .backlog = 1, .coalesce = false};

struct Shape {
  std::uint32_t payload;
  std::uint16_t gso_size;
};

// A full last segment, a short one, one of a byte, odd sizes, the longest that IP takes.
constexpr std::array kSuperframes = {Shape{3000, 1000}, Shape{2500, 1000}, Shape{2001, 1000},
                                     Shape{3333, 777}, Shape{65000, 1400}};
constexpr std::array kPlain = {Shape{1000, 0}, Shape{777, 0}, Shape{1, 0}};

using FrameBytes = std::vector<std::byte>;

FrameBytes copy_of(const Packet& packet) {
  FrameBytes frame(packet.head().begin(), packet.head().end());
  frame.insert(frame.end(), packet.tail().begin(), packet.tail().end());
  return frame;
}

// Keeps what is received until it is looked at.
class Keeper final : public Receiver {
 public:
  Keeper() { kept.reserve(std::size_t{2} * kMostFrames); }
  void receive(std::span<Packet> burst) noexcept override {
    for (Packet& packet : burst) {
      if (kept.size() != kept.capacity()) kept.push_back(std::move(packet));
    }
  }
  std::vector<Packet> kept;
};

class Trial {
 public:
  Trial(Link& from, Link& to)
      : pools_{PacketPool(pool_for(from, kSmall)), PacketPool(pool_for(to, kSmall))},
        sender_(make_port(Style::poll, {engine_, pools_[0], from, {}, ignored_, kSmall})),
        reader_(make_port(Style::poll, {engine_, pools_[1], to, {}, taken_, kSmall})) {
    reader_->start();
  }

  // What is wrong with the way of a frame; nothing if it came as it should.
  std::optional<std::string> fault_of(const ProbeFrame& frame) {
    ++number_;
    taken_.kept.clear();
    const std::vector<FrameBytes> expected = frames_of(made(frame));
    const std::uint64_t faulty = faulty_frames();
    const std::uint64_t refused = sender_->counters().tx_offload_refused.value();
    Packet packet = made(frame);
    static_cast<void>(sender_->tx({&packet, 1}));
    std::vector<FrameBytes> got;
    const std::uint64_t begun = monotonic_ns();
    for (bool late = false; got.size() < expected.size() && !late; late = late_since(begun)) {
      collect(got);
      if (sender_->counters().tx_offload_refused.value() != refused) return "the kernel refused it";
      if (faulty_frames() != faulty) return "it came with a header that is not true";
    }
    collect(got);
    return difference(expected, got);
  }

 private:
  [[nodiscard]] Packet made(const ProbeFrame& frame) {
    Packet packet;
    if (own_.allocate({&packet, 1}, true) == 1) make_probe(frame, number_, packet);
    return packet;
  }

  // The frames that it is on the wire; none if it cannot be.
  [[nodiscard]] std::vector<FrameBytes> frames_of(Packet packet) {
    std::vector<FrameBytes> frames;
    Segmenter segmenter;
    if (segmenter.start(std::move(packet)) != OffloadFault::none) return frames;
    Packet segment;
    while (segmenter.next(own_, {&segment, 1}) != 0) {
      frames.push_back(copy_of(segment));
      segment.reset();
    }
    return frames;
  }

  void collect(std::vector<FrameBytes>& got) {
    engine_.retry_blocked();
    while (engine_.run(kMostFrames).completed != 0) {
    }
    sender_->reclaim();
    while (reader_->poll(kMostFrames, ~std::uint32_t{0}).work != 0) {
    }
    for (Packet& packet : taken_.kept) {
      if (!is_probe(packet, number_)) continue;
      for (FrameBytes& frame : frames_of(std::move(packet))) got.push_back(std::move(frame));
    }
    taken_.kept.clear();
  }

  // Waits for more, if there is time left.
  [[nodiscard]] bool late_since(std::uint64_t begun) const {
    const std::uint64_t spent = monotonic_ns() - begun;
    if (spent >= kPatienceNs) return true;
    std::vector<pollfd> fds;
    for (const engine::WaitSource& source : engine_.wait_sources()) {
      const bool reads = (source.events & POLLIN) != 0;
      if (reads) fds.push_back({.fd = source.fd, .events = POLLIN, .revents = 0});
    }
    static_cast<void>(::poll(fds.data(), fds.size(), 1));  // what it says is looked up in any case
    return false;
  }

  // Received with a header that is not true, or asks for what was not negotiated.
  [[nodiscard]] std::uint64_t faulty_frames() const {
    const DropCounters& drops = reader_->counters().rx_dropped;
    return drops.value(DropReason::bad_offload) + drops.value(DropReason::unnegotiated_offload);
  }

  [[nodiscard]] static std::optional<std::string> difference(
      const std::vector<FrameBytes>& expected, const std::vector<FrameBytes>& got) {
    const std::string of = " of " + std::to_string(expected.size());
    for (std::size_t i = 0; i < std::min(expected.size(), got.size()); ++i) {
      if (got[i] == expected[i]) continue;
      const auto end =
          std::mismatch(got[i].begin(), got[i].end(), expected[i].begin(), expected[i].end());
      return "frame " + std::to_string(i + 1) + of + " differs from byte " +
             std::to_string(end.first - got[i].begin()) + " on";
    }
    if (got.size() == expected.size()) return {};
    return std::to_string(got.size()) + of + " frames came";
  }

  engine::Engine engine_{{.placement = engine::Placement::driven}};
  std::array<PacketPool, 2> pools_;
  PacketPool own_{{.heads = 8, .tails = 4}};
  Keeper ignored_;
  Keeper taken_;
  std::unique_ptr<Port> sender_;
  std::unique_ptr<Port> reader_;
  unsigned number_ = 0;  // of the frame under way: those that come late are not taken for it
};

std::vector<ProbeFrame> probes_of(OffloadFeature feature) {
  std::vector<ProbeFrame> probes;
  const auto add = [&](bool tcp, bool ipv6, bool ecn, std::span<const Shape> shapes) {
    for (const Shape& shape : shapes) {
      probes.push_back({.feature = feature,
                        .tcp = tcp,
                        .ipv6 = ipv6,
                        .ecn = ecn,
                        .payload = shape.payload,
                        .gso_size = shape.gso_size});
    }
  };
  switch (feature) {
    case OffloadFeature::csum:
      for (const bool tcp : {true, false}) {
        for (const bool ipv6 : {true, false}) add(tcp, ipv6, false, kPlain);
      }
      break;
    case OffloadFeature::tso4:
    case OffloadFeature::tso6:
      for (const bool ecn : {true, false}) {
        add(true, feature == OffloadFeature::tso6, ecn, kSuperframes);
      }
      break;
    case OffloadFeature::uso:
      for (const bool ipv6 : {true, false}) add(false, ipv6, false, kSuperframes);
      break;
  }
  return probes;
}

std::string text_of(const ProbeFrame& frame) {
  std::string text = frame.tcp ? "TCP" : "UDP";
  text += frame.ipv6 ? " over IPv6" : " over IPv4";
  if (frame.ecn) text += " with CWR";
  text += ", " + std::to_string(frame.payload) + " bytes";
  if (frame.gso_size != 0) text += " by " + std::to_string(frame.gso_size);
  return text;
}

}  // namespace

OffloadVerdict test_offloads(Link& from, Link& to) {
  OffloadVerdict verdict{.trusted = from.tx_offloads(), .failures = {}};
  Trial trial(from, to);
  for (const OffloadFeature feature : kOffloadFeatures) {
    if (!verdict.trusted.has(feature)) continue;
    for (const ProbeFrame& probe : probes_of(feature)) {
      const auto fault = trial.fault_of(probe);
      if (!fault) continue;
      verdict.failures.push_back({feature, text_of(probe) + ": " + *fault});
      verdict.trusted = verdict.trusted - OffloadSet{feature};
      break;
    }
  }
  return verdict;
}

}  // namespace bellpull::netdrv
