// SPDX-License-Identifier: BSD-2-Clause
// The server that the foreign driver connects to, looked at alone: what it hands out is the ring
// that the driver writes. Nothing here takes a chain or completes one.
#include "ring/foreign/vhost_user_server.hpp"

#include <doctest/doctest.h>

// The inline helper of this header is not valid C++.
#ifndef VIRTIO_RING_NO_LEGACY
#define VIRTIO_RING_NO_LEGACY
#endif
#include <linux/virtio_ring.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>

#include "ring/foreign/testpmd.hpp"

namespace bellpull::ring::test::foreign {

namespace {

constexpr std::chrono::milliseconds kTurn{10};
constexpr std::chrono::seconds kPatience{60};
constexpr std::uint64_t kVersion1 = std::uint64_t{1} << 32;
constexpr std::uint64_t kPacked = std::uint64_t{1} << 34;
constexpr std::uint64_t kInOrder = std::uint64_t{1} << 35;
constexpr std::uint64_t kMergeable = std::uint64_t{1} << 15;
constexpr std::uint64_t kIndirect = std::uint64_t{1} << 28;

/// A server and a testpmd that sends as much as the ring takes, which nobody empties.
class Sending {
 public:
  explicit Sending(std::uint64_t features)
      : server_(directory_.path() + "/socket", features | kVersion1 | kMergeable | kIndirect,
                [](unsigned) { return 0U; }),
        peer_(directory_.path(),
              virtio_user(directory_.path() + "/socket",
                          std::string("queue_size=256,mrg_rxbuf=1,packed_vq=") +
                              ((features & kPacked) != 0 ? "1" : "0")),
              {"--forward-mode=txonly"}) {}

  template <typename Condition>
  bool serve_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (peer_.ended() || std::chrono::steady_clock::now() > end) return false;
      server_.serve(kTurn);
    }
    return true;
  }

  VhostUserServer& server() { return server_; }
  Testpmd& peer() { return peer_; }

 private:
  PrivateDirectory directory_;
  VhostUserServer server_;
  Testpmd peer_;
};

std::uint16_t avail_index(const ServedQueue& queue) {
  auto& index = reinterpret_cast<vring_avail*>(queue.driver_area)->idx;
  // Partner: the driver's release of the index, in another program.
  return std::atomic_ref(index).load(std::memory_order_acquire);
}

std::uint16_t packed_flags(const ServedQueue& queue, std::size_t at) {
  auto& flags = reinterpret_cast<vring_packed_desc*>(queue.descriptors)[at].flags;
  // Partner: the driver's release of the flags, in another program.
  return std::atomic_ref(flags).load(std::memory_order_acquire);
}

void check_frame(const PeerMemory& memory, std::uint64_t address, std::uint32_t length) {
  // 12 bytes of header because of VERSION_1, then testpmd's 64-byte frame of IPv4.
  CHECK(length == 12 + 64);
  const std::byte* const data = memory.at_guest(address, length);
  REQUIRE(data != nullptr);
  CHECK(std::memcmp(data + 12 + 12, "\x08\x00\x45", 3) == 0);
}

}  // namespace

TEST_CASE("S1.1 a foreign driver fills the split ring that the server found") {
  Sending sending(0);
  VhostUserServer& server = sending.server();
  INFO(sending.peer().log());
  REQUIRE(sending.serve_until([&] { return server.queue(0).ready() && server.queue(1).ready(); }));
  CHECK((server.features() & (kVersion1 | kPacked)) == kVersion1);
  const ServedQueue& queue = server.queue(1);
  CHECK(queue.size == 256);
  CHECK(queue.base == 0);
  CHECK(queue.kick.get() >= 0);
  REQUIRE(sending.serve_until([&] { return avail_index(queue) != 0; }));
  const std::uint16_t head = reinterpret_cast<vring_avail*>(queue.driver_area)->ring[0];
  REQUIRE(head < queue.size);
  const vring_desc entry = reinterpret_cast<vring_desc*>(queue.descriptors)[head];
  CHECK(entry.flags == 0);
  check_frame(*server.memory(), entry.addr, entry.len);
  // The other queue is filled with empty buffers to receive into.
  CHECK(avail_index(server.queue(0)) != 0);
  CHECK((reinterpret_cast<vring_desc*>(server.queue(0).descriptors)[0].flags &
         VRING_DESC_F_WRITE) != 0);
  sending.peer().ask_to_end();
  CHECK(sending.serve_until([&] { return server.peer_left(); }));
  CHECK_FALSE(server.queue(1).ready());
}

TEST_CASE("S1.1 a foreign driver fills the packed ring that the server found") {
  Sending sending(kPacked | kInOrder);
  VhostUserServer& server = sending.server();
  INFO(sending.peer().log());
  REQUIRE(sending.serve_until([&] { return server.queue(0).ready() && server.queue(1).ready(); }));
  CHECK((server.features() & (kVersion1 | kPacked)) == (kVersion1 | kPacked));
  const ServedQueue& queue = server.queue(1);
  CHECK(queue.size == 256);
  CHECK(queue.base == 0x8000);
  // Available in the first round is AVAIL set and USED clear.
  REQUIRE(sending.serve_until([&] { return packed_flags(queue, 0) == 0x0080; }));
  const vring_packed_desc entry = reinterpret_cast<vring_packed_desc*>(queue.descriptors)[0];
  check_frame(*server.memory(), entry.addr, entry.len);
  CHECK(packed_flags(server.queue(0), 0) == (0x0080 | VRING_DESC_F_WRITE));
  sending.peer().ask_to_end();
  CHECK(sending.serve_until([&] { return server.peer_left(); }));
  CHECK_FALSE(server.queue(1).ready());
}

}  // namespace bellpull::ring::test::foreign
