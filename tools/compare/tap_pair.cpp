// SPDX-License-Identifier: BSD-2-Clause
#include "tap_pair.hpp"

#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>

namespace bellpull::tools::compare {

namespace {

constexpr std::array<const char*, 2> kNames = {"compare0", "compare1"};

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

netdrv::UniqueFd packet_socket(unsigned index, const std::string& name) {
  // Protocol 0: it receives nothing.
  netdrv::UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (fd.get() < 0)
    fail("socket AF_PACKET to send into " + name + " (needs CAP_NET_RAW: run as root)");
  const int bypass = 1;
  if (::setsockopt(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) != 0) {
    fail("setsockopt PACKET_QDISC_BYPASS to send into " + name + " (needs Linux 3.14)");
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(index);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("bind a packet socket to " + name + " (did something take the interface down?)");
  }
  return fd;
}

}  // namespace

TapPair::TapPair()
    : devices_{netdrv::TapDevice::open(kNames[0]), netdrv::TapDevice::open(kNames[1])} {
  for (const char* name : kNames) routes_.set_up(routes_.find(name).index, true, name);
  socket_ = packet_socket(routes_.find(kNames[0]).index, kNames[0]);
}

netdrv::TapDevice TapPair::device(unsigned number) const {
  const netdrv::TapDevice& device = devices_[number];
  netdrv::UniqueFd again(::fcntl(device.fd(), F_DUPFD_CLOEXEC, 0));
  if (again.get() < 0) {
    fail("fcntl F_DUPFD_CLOEXEC of " + device.name() + " (raise the limit: ulimit -n)");
  }
  return netdrv::TapDevice::adopt(std::move(again));
}

std::uint64_t TapPair::discard() noexcept {
  // Enough for the header and an MTU of 1500, which nobody changes here.
  std::array<std::byte, netdrv::kVnetHeader + ETH_FRAME_LEN> frame;
  std::uint64_t frames = 0;
  while (::read(devices_[0].fd(), frame.data(), frame.size()) > 0) ++frames;
  return frames;
}

TapPair::Counters TapPair::counters() {
  return {.overflow = routes_.find(kNames[0]).tx_dropped,
          .received = routes_.find(kNames[1]).rx_packets};
}

}  // namespace bellpull::tools::compare
