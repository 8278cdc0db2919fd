// SPDX-License-Identifier: BSD-2-Clause
#include "route_answers.hpp"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>

#include <cstring>

#include "route_socket.hpp"

namespace bellpull::tools {

namespace {

int read_link_attribute(const nlattr* attribute, void* context) {
  Link& link = *static_cast<Link*>(context);
  const unsigned type = mnl_attr_get_type(attribute);
  if (type == IFLA_MTU) link.mtu = mnl_attr_get_u32(attribute);
  if (type == IFLA_ADDRESS && mnl_attr_get_payload_len(attribute) == link.mac.size()) {
    std::memcpy(link.mac.data(), mnl_attr_get_payload(attribute), link.mac.size());
  }
  // The kernel aligns the attribute to 4 bytes, and newer ones append to it.
  rtnl_link_stats64 counted{};
  if (type == IFLA_STATS64 && mnl_attr_get_payload_len(attribute) >= sizeof counted) {
    std::memcpy(&counted, mnl_attr_get_payload(attribute), sizeof counted);
    link.rx_packets = counted.rx_packets;
    link.tx_packets = counted.tx_packets;
    link.tx_dropped = counted.tx_dropped;
  }
  return MNL_CB_OK;
}

// On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL, if there, is always our own.
int choose_own_address(const nlattr* attribute, void* context) {
  auto& chosen = *static_cast<const nlattr**>(context);
  const unsigned type = mnl_attr_get_type(attribute);
  if (type == IFA_LOCAL || (type == IFA_ADDRESS && chosen == nullptr)) chosen = attribute;
  return MNL_CB_OK;
}

}  // namespace

int read_link(const nlmsghdr* message, void* context) {
  Link& link = *static_cast<Link*>(context);
  const auto& info = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  link.index = static_cast<unsigned>(info.ifi_index);
  link.up = (info.ifi_flags & IFF_UP) != 0;
  link.ethernet = info.ifi_type == ARPHRD_ETHER;
  return mnl_attr_parse(message, sizeof info, read_link_attribute, context);
}

int read_address(const nlmsghdr* message, void* context) {
  AddressQuery& query = *static_cast<AddressQuery*>(context);
  const auto& info = *static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  const bool is_ip = info.ifa_family == AF_INET || info.ifa_family == AF_INET6;
  if (info.ifa_index != query.index || !is_ip) return MNL_CB_OK;
  const nlattr* chosen = nullptr;
  mnl_attr_parse(message, sizeof info, choose_own_address, static_cast<void*>(&chosen));
  Cidr cidr;
  cidr.prefix = info.ifa_prefixlen;
  cidr.address.family = info.ifa_family == AF_INET ? 4 : 6;
  const std::size_t length = cidr.address.family == 4 ? 4 : 16;
  if (chosen != nullptr && mnl_attr_get_payload_len(chosen) == length) {
    std::memcpy(cidr.address.bytes.data(), mnl_attr_get_payload(chosen), length);
    query.found.push_back(cidr);
  }
  return MNL_CB_OK;
}

}  // namespace bellpull::tools
