// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <system_error>
#include <vector>

#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "generate/packet_call.hpp"
#include "generate/sender.hpp"

namespace bellpull::tools::generate {

namespace {

constexpr unsigned kBatch = 64;

class PacketSender final : public Sender {
 public:
  PacketSender(const Target& target, const Traffic& traffic, bool qdisc);
  Sent send(std::uint64_t count, std::uint64_t due_ns) override;

 private:
  void write(unsigned slot, std::uint64_t due_ns) noexcept;
  void pass_on(unsigned count, Sent& sent);

  const std::string name_;
  const Traffic traffic_;
  const netdrv::TimedFrameWriter writer_;
  const std::size_t room_;  // bytes for each frame
  netdrv::UniqueFd socket_;
  std::uint64_t next_ = 0;
  std::vector<std::byte> frames_;
  std::array<iovec, kBatch> vectors_{};
  std::array<mmsghdr, kBatch> messages_{};
};

PacketSender::PacketSender(const Target& target, const Traffic& traffic, bool qdisc)
    : name_(target.name),
      traffic_(traffic),
      writer_(traffic.ends),
      room_(*std::ranges::max_element(traffic.sizes)),
      // Protocol 0: it only sends, so the kernel queues nothing on it.
      socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)),
      frames_(kBatch * room_) {
  if (socket_.get() < 0) {
    fail_call("socket(AF_PACKET)", name_,
              "needs CAP_NET_RAW: run as root, or inside `unshare -Urn`");
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(target.index);
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    fail_call("bind", name_, "is it still there?");
  }
  const int bypass = qdisc ? 0 : 1;
  if (::setsockopt(socket_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) < 0) {
    fail_call("PACKET_QDISC_BYPASS", name_, "use --qdisc");
  }
  for (unsigned i = 0; i < kBatch; ++i) {
    vectors_[i].iov_base = frames_.data() + i * room_;
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

Sent PacketSender::send(std::uint64_t count, std::uint64_t due_ns) {
  Sent sent;
  while (sent.attempted < count) {
    const auto batch =
        static_cast<unsigned>(std::min<std::uint64_t>(kBatch, count - sent.attempted));
    for (unsigned i = 0; i < batch; ++i) {
      write(i, due_ns);
      sent.bytes += vectors_[i].iov_len;
    }
    sent.attempted += batch;
    pass_on(batch, sent);
  }
  return sent;
}

void PacketSender::write(unsigned slot, std::uint64_t due_ns) noexcept {
  const std::uint64_t number = next_++;
  vectors_[slot].iov_len = traffic_.size(number);
  const std::span<std::byte> frame(frames_.data() + slot * room_, vectors_[slot].iov_len);
  writer_.write(frame, traffic_.said(number, due_ns != 0 ? due_ns : netdrv::monotonic_ns()));
}

// What finds a full queue is left out: its number is a gap that the receiver sees.
void PacketSender::pass_on(unsigned count, Sent& sent) {
  for (unsigned done = 0; done < count;) {
    const int taken = ::sendmmsg(socket_.get(), messages_.data() + done, count - done, 0);
    if (taken > 0) {
      done += static_cast<unsigned>(taken);
      sent.sent += static_cast<std::uint64_t>(taken);
    } else if (errno == ENOBUFS || errno == EAGAIN) {
      ++done;
      ++sent.dropped;
    } else if (errno != EINTR) {
      fail_call("sendmmsg", name_,
                "is it still there and up, and are the frames no longer than its MTU?");
    }
  }
}

}  // namespace

std::unique_ptr<Sender> make_packet_sender(const Target& target, const Traffic& traffic,
                                           bool qdisc) {
  return std::make_unique<PacketSender>(target, traffic, qdisc);
}

}  // namespace bellpull::tools::generate
