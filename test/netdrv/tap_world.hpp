// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "bellpull/netdrv/unique_fd.hpp"
#include "socket_tap.hpp"

namespace bellpull::test {

/// Runs `ip` with these arguments in the test's namespace; throws when it fails.
inline void ip(const std::string& arguments) {
  const std::string command = "ip " + arguments;
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

/// What the kernel counted on an interface, seen from the kernel: rx is what the NIC wrote.
struct KernelCounters {
  std::uint64_t rx_packets = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t rx_dropped = 0;
  std::uint64_t tx_packets = 0;
  std::uint64_t tx_bytes = 0;
  std::uint64_t tx_dropped = 0;
};

inline KernelCounters kernel_counters(const std::string& name) {
  std::ifstream file("/proc/self/net/dev");
  std::string line;
  while (std::getline(file, line)) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream label(line.substr(0, colon));
    std::string found;
    label >> found;
    if (found != name) continue;
    std::istringstream values(line.substr(colon + 1));
    KernelCounters c;
    std::uint64_t skip = 0;
    values >> c.rx_bytes >> c.rx_packets >> skip >> c.rx_dropped >> skip >> skip >> skip >> skip >>
        c.tx_bytes >> c.tx_packets >> skip >> c.tx_dropped;
    return c;
  }
  throw std::runtime_error("no counters for " + name);
}

/// A packet socket on an interface: sends and receives whole frames as the kernel's side.
class PacketSocket {
 public:
  explicit PacketSocket(const std::string& name)
      : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(kTestEtherType))) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kTestEtherType);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(name.c_str()));
    if (fd_.get() < 0 ||
        ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("packet socket on " + name);
    }
  }

  /// Local experimental ethertype 1 (IEEE 802).
  static constexpr std::uint16_t kTestEtherType = 0x88b5;

  [[nodiscard]] bool send(const Bytes& frame) const {
    return ::send(fd_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
  }
  [[nodiscard]] Bytes receive() const {
    Bytes frame(70000);
    const ssize_t got = ::recv(fd_.get(), frame.data(), frame.size(), 0);
    frame.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return frame;
  }

 private:
  netdrv::UniqueFd fd_;
};

/// A frame with the test's ethertype between two unicast addresses.
inline Bytes test_frame(std::size_t size, unsigned seed) {
  Bytes frame = pattern_frame(size, seed);
  const std::uint8_t header[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
  std::memcpy(frame.data(), header, sizeof header);
  return frame;
}

}  // namespace bellpull::test
