// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "bellpull/netdrv/tap_device.hpp"

namespace bellpull::test {

using Bytes = std::vector<std::byte>;

/// A datagram socket pair that behaves like a TAP descriptor: a message per call, truncation,
/// EAGAIN. The test holds the kernel's end.
class SocketTap {
 public:
  SocketTap() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
      throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    kernel_ = netdrv::UniqueFd(ends[0]);
    nic_ = netdrv::UniqueFd(ends[1]);
  }

  /// The device's end, once.
  netdrv::TapDevice device(const std::string& name, std::uint32_t mtu = 1500) {
    return netdrv::TapDevice::pretend(std::move(nic_), name, mtu);
  }

  /// Raw bytes to the NIC, header included. False: the queue is full.
  [[nodiscard]] bool push_raw(const Bytes& bytes) const {
    return ::write(kernel_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }

  /// A frame to the NIC behind an all-zero header.
  [[nodiscard]] bool push(const Bytes& frame) const {
    Bytes bytes(netdrv::kVnetHeader);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    return push_raw(bytes);
  }

  /// What the NIC sent next, header included; empty if nothing.
  [[nodiscard]] Bytes pull_raw() const {
    std::array<std::byte, 70000> bytes;  // not cleared: most looks find nothing
    const ssize_t got = ::read(kernel_.get(), bytes.data(), bytes.size());
    return {bytes.begin(), bytes.begin() + (got < 0 ? 0 : got)};
  }

  /// Sleeps until pull_raw() would find something.
  void await() const noexcept {
    pollfd one{.fd = kernel_.get(), .events = POLLIN, .revents = 0};
    static_cast<void>(::poll(&one, 1, -1));
  }

  /// Hangs up.
  void close() { kernel_ = netdrv::UniqueFd(); }

 private:
  netdrv::UniqueFd kernel_;
  netdrv::UniqueFd nic_;
};

/// A frame of `size` bytes whose content depends on `seed` and the position.
inline Bytes pattern_frame(std::size_t size, unsigned seed) {
  Bytes frame(size);
  for (std::size_t i = 0; i < size; ++i) {
    frame[i] = static_cast<std::byte>((i * 31 + seed * 17 + (i >> 8)) & 0xff);
  }
  return frame;
}

}  // namespace bellpull::test
