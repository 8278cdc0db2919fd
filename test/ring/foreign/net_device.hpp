// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ring/foreign/frames.hpp"
#include "ring/foreign/served_ring.hpp"
#include "ring/foreign/vhost_user_server.hpp"

namespace bellpull::ring::test::foreign {

/// A network device for one vhost-user driver, made of the library's device halves: hands frames to
/// the driver and takes those that the driver sends. One thread.
template <class Layout, class Trust = Untrusted>
class NetDevice {
 public:
  /// The queues' numbers, from the driver's side.
  static constexpr unsigned kReceive = 0;
  static constexpr unsigned kTransmit = 1;

  /// Listens at `socket` and offers `features`.
  NetDevice(const std::string& socket, std::uint64_t features)
      : server_(socket, features, [this](unsigned queue) { return stop(queue); }) {}

  /// Called when the driver stops a queue, before our half does; the last chance to take chains.
  void before_stop(std::function<void(unsigned)> hook) { before_stop_ = std::move(hook); }

  /// Obeys the messages that have come, and waits up to `patience` for the first. False: none.
  bool serve(std::chrono::milliseconds patience) {
    bool any = false;
    while (server_.serve(any ? std::chrono::milliseconds{0} : patience)) {
      any = true;
      for (unsigned i = 0; i < VhostUserServer::kQueues; ++i) follow(i);
      if (server_.peer_left()) break;
    }
    return any;
  }

  /// Whether both queues have a device half.
  [[nodiscard]] bool running() const {
    return rings_[kReceive].device().attached() && rings_[kTransmit].device().attached();
  }

  /// Puts `frame` into the driver's buffers, with a header: into one chain, or, if the driver lets
  /// it, into as many as are needed. False when too few are there.
  bool send(std::span<const std::byte> frame) {
    const std::size_t bytes = kNetHeader + frame.size();
    std::size_t room = 0;
    std::size_t chains = 0;
    for (; room < bytes && (chains == 0 || mergeable()); ++chains) {
      if (chains == buffers_.size() && !hold_buffer()) return false;
      room += buffers_[chains].chain.writable_bytes;
    }
    if (room < bytes) return false;
    packet_.assign(kNetHeader, std::byte{0});
    packet_[kBuffersField] = static_cast<std::byte>(chains & 0xff);
    packet_[kBuffersField + 1] = static_cast<std::byte>(chains >> 8);
    packet_.insert(packet_.end(), frame.begin(), frame.end());
    std::span<const std::byte> left(packet_);
    for (; chains != 0; --chains) {
      left = fill(buffers_.front(), left);
      buffers_.pop_front();
    }
    return true;
  }

  /// Takes up to `limit` packets that the driver sent and hands each to
  /// `visit(std::span<const std::byte> packet, const Taken&)`; returns how many. Shows them as used
  /// when all were seen. With `hand_over`, another device half shows them than took them.
  template <class Visit>
  unsigned receive(unsigned limit, Visit&& visit, bool hand_over = false) {
    ServedRing<Layout, Trust>& ring = rings_[kTransmit];
    std::vector<Taken> taken;
    for (Taken one; taken.size() < limit && ring.take(one);) taken.push_back(one);
    for (const Taken& one : taken) visit(packet_in(one), one);
    if (hand_over) ring.hand_over(taken);
    for (const Taken& one : taken) ring.device().complete(one.chain, 0);
    ring.publish(server_.queue(kTransmit));
    return static_cast<unsigned>(taken.size());
  }

  /// Shows what send() filled.
  void publish() { rings_[kReceive].publish(server_.queue(kReceive)); }

  /// Takes buffers of the driver's until there is none; returns how many are held for send().
  std::size_t hold_buffers() {
    while (hold_buffer()) continue;
    return buffers_.size();
  }

  /// Returns at once if `queue` has a chain. Otherwise asks the driver for its doorbell, and sleeps
  /// until it or a message comes. False when neither came within `patience`.
  bool sleep(unsigned queue, std::chrono::milliseconds patience) {
    ServedRing<Layout, Trust>& ring = rings_[queue];
    if (!ring.device().attached()) return serve(patience);
    if (ring.device().arm()) {
      ring.device().disarm();
      return true;
    }
    std::array<pollfd, 2> files{
        {{server_.file(), POLLIN, 0}, {server_.queue(queue).kick.get(), POLLIN, 0}}};
    const bool woken = ::poll(files.data(), files.size(), static_cast<int>(patience.count())) > 0;
    if ((files[1].revents & POLLIN) != 0) {
      std::uint64_t times = 0;
      kicks_ += ::read(files[1].fd, &times, sizeof times) == sizeof times ? 1 : 0;
    }
    ring.device().disarm();
    if ((files[0].revents & POLLIN) != 0) serve(std::chrono::milliseconds{0});
    return woken;
  }

  [[nodiscard]] const VhostUserServer& server() const { return server_; }
  [[nodiscard]] ServedRing<Layout, Trust>& ring(unsigned queue) { return rings_.at(queue); }
  /// Times that the driver's doorbell ended a sleep.
  [[nodiscard]] std::uint64_t kicks() const { return kicks_; }
  /// How often the driver has stopped a queue.
  [[nodiscard]] unsigned stops(unsigned queue) const { return stops_.at(queue); }

 private:
  [[nodiscard]] bool mergeable() const {
    return (server_.features() & (std::uint64_t{1} << 15)) != 0;  // VIRTIO_NET_F_MRG_RXBUF
  }

  void follow(unsigned index) {
    const ServedQueue& queue = server_.queue(index);
    ServedRing<Layout, Trust>& ring = rings_[index];
    if (queue.ready() && !ring.device().attached()) {
      ring.attach(queue, server_.memory(), server_.features());
    } else if (!queue.started) {
      ring.drop();  // a queue that is only disabled stays where it is until it is stopped
    }
  }

  std::uint32_t stop(unsigned index) {
    if (before_stop_) before_stop_(index);
    if (index == kReceive) buffers_.clear();
    ++stops_[index];
    return rings_[index].stop();
  }

  bool hold_buffer() {
    Taken buffer;
    if (!rings_[kReceive].take(buffer)) return false;
    buffers_.push_back(std::move(buffer));
    return true;
  }

  // Fills a chain and gives it back; returns what did not fit.
  std::span<const std::byte> fill(Taken& buffer, std::span<const std::byte> bytes) {
    std::uint32_t written = 0;
    for (const Piece& piece : buffer.chain.writable_of(buffer.pieces)) {
      const std::size_t here = std::min(piece.length, bytes.size());
      std::memcpy(piece.data, bytes.data(), here);
      bytes = bytes.subspan(here);
      written += static_cast<std::uint32_t>(here);
    }
    rings_[kReceive].device().complete(buffer.chain, written);
    return bytes;
  }

  std::span<const std::byte> packet_in(const Taken& taken) {
    packet_.clear();
    for (const Piece& piece : taken.pieces) {
      packet_.insert(packet_.end(), piece.data, piece.data + piece.length);
    }
    return packet_;
  }

  VhostUserServer server_;
  std::array<ServedRing<Layout, Trust>, VhostUserServer::kQueues> rings_;
  std::array<unsigned, VhostUserServer::kQueues> stops_{};
  std::function<void(unsigned)> before_stop_;
  std::deque<Taken> buffers_;  // taken from the receive queue, oldest first
  std::vector<std::byte> packet_;
  std::uint64_t kicks_ = 0;
};

}  // namespace bellpull::ring::test::foreign
