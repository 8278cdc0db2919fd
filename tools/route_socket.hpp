// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "cidr.hpp"

struct mnl_socket;
struct nlmsghdr;

namespace bellpull::tools {

/// What the kernel says of an interface.
struct Link {
  unsigned index = 0;            ///< lives as long as the interface, through renames
  std::uint32_t mtu = 0;         ///< bytes
  netdrv::MacAddress mac{};      ///< the kernel's side
  bool up = false;               ///< administratively
  bool ethernet = false;         ///< its frames have Ethernet headers; a loopback is none
  std::uint64_t rx_packets = 0;  ///< frames that came in
  std::uint64_t tx_packets = 0;  ///< frames that went out
  std::uint64_t tx_dropped = 0;  ///< frames that were to go out and did not, for want of room
};

/// What to do about other hosts with the same IPv6 address.
enum class Duplicates : std::uint8_t {
  ignore,  ///< nothing: the address is usable at once
  detect,  ///< look for them first, as the kernel does when nobody says otherwise
};

/// Asks and tells the kernel about interfaces by rtnetlink, in the network namespace that the
/// thread was in when the socket was made, wherever the thread goes later. One request at a time;
/// each blocks until the kernel has answered and throws std::system_error naming request, `object`
/// and remedy when it says no.
class RouteSocket {
 public:
  RouteSocket();

  /// Its descriptor, which it owns.
  [[nodiscard]] int descriptor() const noexcept;

  /// The interface of that name.
  [[nodiscard]] Link find(const std::string& name);

  /// The same; none if there is no such interface.
  [[nodiscard]] std::optional<Link> look_for(const std::string& name);

  /// The addresses of an interface.
  [[nodiscard]] std::vector<Cidr> addresses(unsigned index, const std::string& object);

  void set_up(unsigned index, bool up, const std::string& object);
  void set_mtu(unsigned index, std::uint32_t mtu, const std::string& object);
  void set_mac(unsigned index, const netdrv::MacAddress& mac, const std::string& object);

  void add_address(unsigned index, const Cidr& cidr, Duplicates duplicates,
                   const std::string& object);
  void remove_address(unsigned index, const Cidr& cidr, const std::string& object);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const noexcept;
  };

  void change_address(unsigned type, unsigned index, const Cidr& cidr, unsigned flags,
                      const std::string& object);
  void tell(nlmsghdr* request, const std::string& what);
  int ask(nlmsghdr* request, int (*handle)(const nlmsghdr*, void*), void* context);

  std::unique_ptr<mnl_socket, Close> socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace bellpull::tools
