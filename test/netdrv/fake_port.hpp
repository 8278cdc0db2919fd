// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bellpull/engine/notify.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/port.hpp"

namespace bellpull::netdrv::test {

/// A packet with a copy of the frame; the free memory behind it holds `rest`, so that whoever reads
/// too far gets different answers for different values of it.
inline Packet make_packet(PacketPool& pool, const std::vector<std::uint8_t>& frame,
                          std::uint8_t rest = 0xee) {
  Packet packet;
  if (pool.allocate(std::span(&packet, 1), frame.size() > kHeadData) != 1) {
    throw std::runtime_error("the test's pool is empty: a packet leaked, or make it larger");
  }
  packet.resize(packet.room());
  std::memset(packet.head().data(), rest, packet.head().size());
  packet.resize(static_cast<std::uint32_t>(frame.size()));
  const auto bytes = std::as_bytes(std::span(frame));
  const std::size_t first = packet.head().size();
  std::copy_n(bytes.begin(), first, packet.head().begin());
  std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(first), bytes.end(), packet.tail().begin());
  return packet;
}

/// The frame in a packet.
inline std::vector<std::uint8_t> bytes_of(const Packet& packet) {
  std::vector<std::uint8_t> frame;
  frame.reserve(packet.size());
  for (const std::byte byte : packet.head()) frame.push_back(std::to_integer<std::uint8_t>(byte));
  for (const std::byte byte : packet.tail()) frame.push_back(std::to_integer<std::uint8_t>(byte));
  return frame;
}

/// A port in memory: frames arrive by arrive(), and what is sent can be looked at. One thread.
class FakePort final : public Port {
 public:
  using Frame = std::vector<std::uint8_t>;

  /// Rings `bell` when a frame arrives while it is armed, and hands it to `stack`.
  explicit FakePort(std::string name, const engine::Notify& bell = {}, Receiver* stack = nullptr)
      : name_(std::move(name)), bell_(bell), stack_(stack) {}

  /// A frame is there to be received.
  void arrive(Packet packet) {
    arrived_.push_back(std::move(packet));
    if (!std::exchange(armed_, false)) return;
    ++notifies_;
    if (bell_.ring != nullptr) bell_.ring(bell_.context);
  }

  /// Copies of the frames that were sent since the last call, oldest first.
  [[nodiscard]] std::vector<Frame> take_sent() { return std::exchange(sent_, {}); }

  /// How many more frames tx() takes. No limit at first.
  void set_tx_room(unsigned frames) { tx_room_ = frames; }

  /// Whether sent packets stay with the port until reclaim(). No at first.
  void hold_sent(bool hold) { hold_ = hold; }

  /// The packets that stay, oldest first.
  [[nodiscard]] const std::vector<Packet>& held() const { return held_; }

  /// What state() says.
  void set_state(PortState state) { state_ = state; }

  /// Whether it is armed.
  [[nodiscard]] bool armed() const { return armed_; }

  /// Frames that arrived and were not received.
  [[nodiscard]] std::size_t waiting() const { return arrived_.size(); }

  /// Times tx() was called.
  [[nodiscard]] unsigned tx_calls() const { return tx_calls_; }

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }

  void start() noexcept override {}

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    Polled polled;
    std::uint32_t bytes = 0;
    std::vector<Packet> burst;
    while (!arrived_.empty() && polled.work < budget) {
      if (bytes >= byte_budget) {
        polled.more = true;
        break;
      }
      ++polled.work;
      burst.push_back(std::move(arrived_.front()));
      arrived_.pop_front();
      bytes += burst.back().size();
      counters_.rx_packets.add(1);
      counters_.rx_bytes.add(burst.back().size());
    }
    if (stack_ != nullptr && !burst.empty()) stack_->receive(burst);
    return polled;
  }

  unsigned tx(std::span<Packet> packets) noexcept override {
    ++tx_calls_;
    unsigned taken = 0;
    for (Packet& packet : packets) {
      if (tx_room_ == 0) break;
      if (tx_room_ != kUnlimited) --tx_room_;
      counters_.tx_packets.add(1);
      counters_.tx_bytes.add(packet.size());
      sent_.push_back(bytes_of(packet));
      if (hold_) {
        held_.push_back(std::move(packet));
      } else {
        packet.reset();
      }
      ++taken;
    }
    return taken;
  }

  unsigned reclaim() noexcept override {
    const auto count = static_cast<unsigned>(held_.size());
    held_.clear();
    return count;
  }

  [[nodiscard]] unsigned tx_in_flight() const noexcept override {
    return static_cast<unsigned>(held_.size());
  }

  [[nodiscard]] engine::Armed arm() noexcept override {
    if (!arrived_.empty()) return engine::Armed::work_pending;
    armed_ = true;
    return engine::Armed::armed;
  }

  void disarm() noexcept override { armed_ = false; }
  [[nodiscard]] PortState state() const noexcept override { return state_; }
  void stop_rx() noexcept override { armed_ = false; }

  void stop_tx() noexcept override {
    held_.clear();
    tx_room_ = 0;
    if (state_ == PortState::running) state_ = PortState::stopped;
  }

  [[nodiscard]] PortCounters& counters() noexcept override { return counters_; }
  [[nodiscard]] std::uint64_t notifies() const noexcept override { return notifies_; }
  [[nodiscard]] std::uint64_t border_calls() const noexcept override { return 0; }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }

 private:
  static constexpr unsigned kUnlimited = std::numeric_limits<unsigned>::max();

  const std::string name_;
  const engine::Notify bell_;
  Receiver* const stack_;
  std::deque<Packet> arrived_;
  std::vector<Packet> held_;
  std::vector<Frame> sent_;
  PortCounters counters_;
  PortState state_ = PortState::running;
  std::uint64_t notifies_ = 0;
  unsigned tx_room_ = kUnlimited;
  unsigned tx_calls_ = 0;
  bool hold_ = false;
  bool armed_ = false;
};

}  // namespace bellpull::netdrv::test
