// SPDX-License-Identifier: BSD-2-Clause
#include "generate/receiver.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include "bellpull/netdrv/clock.hpp"
#include "generate/packet_call.hpp"

namespace bellpull::tools::generate {

namespace {

constexpr unsigned kMostBatches = 64;
// The kernel counts more than twice a short frame's bytes: this holds some hundred thousand.
constexpr int kQueueBytes = 256 << 20;

}  // namespace

Receiver::Receiver(const Target& target)
    : name_(target.name),
      // Protocol 0 until it is bound: no frame of another interface gets in before.
      socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      frames_(kBatch * kRoom) {
  if (socket_.get() < 0) {
    fail_call("socket(AF_PACKET)", name_,
              "needs CAP_NET_RAW: run as root, or inside `unshare -Urn`");
  }
  const auto set = [this](int level, int option, int value) {
    return ::setsockopt(fd(), level, option, &value, sizeof value) == 0;
  };
  // In a user namespace there is only as much as net.core.rmem_max; what that costs is counted.
  if (!set(SOL_SOCKET, SO_RCVBUFFORCE, kQueueBytes) && !set(SOL_SOCKET, SO_RCVBUF, kQueueBytes)) {
    fail_call("SO_RCVBUF", name_, "is memory left?");
  }
  if (!set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)) {
    fail_call("PACKET_IGNORE_OUTGOING", name_, "needs Linux 4.20");
  }
  // Who merges frames on their way sends superframes: the header tells how to cut them.
  if (!set(SOL_PACKET, PACKET_VNET_HDR, 1))
    fail_call("PACKET_VNET_HDR", name_, "needs Linux 2.6.27");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_IP);
  address.sll_ifindex = static_cast<int>(target.index);
  if (::bind(fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    fail_call("bind", name_, "is it still there?");
  }
  for (unsigned i = 0; i < kBatch; ++i) {
    vectors_[i] = {.iov_base = frames_.data() + i * kRoom, .iov_len = kRoom};
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

std::uint64_t Receiver::drain(FlowLedger& ledger) {
  std::uint64_t frames = 0;
  for (unsigned batch = 0; batch < kMostBatches; ++batch) {
    const int got = ::recvmmsg(fd(), messages_.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      fail_call("recvmmsg", name_, "was it taken down or removed?");
    }
    const std::uint64_t now = netdrv::monotonic_ns();
    for (int i = 0; i < got; ++i) {
      const auto slot = static_cast<std::size_t>(i);
      const std::span<const std::byte> room(frames_.data() + slot * kRoom, kRoom);
      frames += add(room.first(messages_[slot].msg_len), ledger, now);
    }
  }
  return frames;
}

// Returns how many frames on the wire it was.
std::uint64_t Receiver::add(std::span<const std::byte> message, FlowLedger& ledger,
                            std::uint64_t now) {
  if (message.size() < kHeader) return 0;
  netdrv::Offload offload;
  std::memcpy(&offload.flags, message.data(), 1);
  std::memcpy(&offload.gso_type, message.data() + 1, 1);
  std::memcpy(&offload.gso_size, message.data() + 4, 2);
  std::memcpy(&offload.csum_start, message.data() + 6, 2);
  std::memcpy(&offload.csum_offset, message.data() + 8, 2);
  const std::span<const std::byte> frame = message.subspan(kHeader);
  if (offload.gso_type == 0) {
    ledger.add(frame, now);
    return 1;
  }
  netdrv::Packet packet;
  if (pool_.allocate({&packet, 1}, true) == 0 || packet.room() < frame.size()) {
    ledger.add(frame, now);
    return 1;
  }
  packet.resize(static_cast<std::uint32_t>(frame.size()));
  const auto in_head = packet.head();
  std::memcpy(in_head.data(), frame.data(), in_head.size());
  const auto in_tail = packet.tail();
  if (!in_tail.empty()) std::memcpy(in_tail.data(), frame.data() + in_head.size(), in_tail.size());
  packet.offload() = offload;
  if (segmenter_.start(std::move(packet)) != netdrv::OffloadFault::none) {
    ledger.add(frame, now);  // which calls it foreign or corrupt
    return 1;
  }
  return add_segments(ledger, now);
}

std::uint64_t Receiver::add_segments(FlowLedger& ledger, std::uint64_t now) {
  std::uint64_t frames = 0;
  netdrv::Packet piece;
  while (segmenter_.next(pool_, {&piece, 1}) != 0) {
    const auto head = piece.head();
    const auto tail = piece.tail();
    segment_.assign(head.begin(), head.end());
    segment_.insert(segment_.end(), tail.begin(), tail.end());
    ledger.add(segment_, now);
    piece.reset();
    ++frames;
  }
  return frames;
}

void Receiver::close_queue() {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &nothing};
  if (::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) {
    fail_call("SO_ATTACH_FILTER", name_, "is memory left?");
  }
}

// The kernel forgets them when it has said them.
std::uint64_t Receiver::socket_dropped() {
  tpacket_stats kernel{};
  socklen_t size = sizeof kernel;
  if (::getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &kernel, &size) < 0) {
    fail_call("PACKET_STATISTICS", name_, "is it still there?");
  }
  socket_dropped_ += kernel.tp_drops;
  return socket_dropped_;
}

}  // namespace bellpull::tools::generate
