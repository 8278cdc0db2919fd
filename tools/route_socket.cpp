// SPDX-License-Identifier: BSD-2-Clause
#include "route_socket.hpp"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "route_answers.hpp"

namespace bellpull::tools {

namespace {

// The kernel answers a dump in pieces of at most 32 KiB.
constexpr std::size_t kBufferSize = 32768;
using Buffer = std::array<char, kBufferSize>;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

const char* remedy(int error) noexcept {
  switch (error) {
    case EPERM:
      return "needs CAP_NET_ADMIN: run as root, or inside `unshare -Urn`, or configure the "
             "interface beforehand and leave the key away";
    case EACCES:
      return "IPv6 is off there: turn it on with `sysctl -w net.ipv6.conf.all.disable_ipv6=0`, or "
             "leave the IPv6 address away";
    case ENODEV:
    case ENXIO:
      return "there is no such interface: is it in another network namespace?";
    case EINVAL:
    case ERANGE:
      return "the interface does not take this value: choose another";
    case EBUSY:
      return "the interface is up and its driver refuses: take it down first";
    default:
      return "see the kernel's log";
  }
}

nlmsghdr* begin(Buffer& buffer, std::uint16_t type, unsigned flags) {
  nlmsghdr* const message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  return message;
}

template <class Extra>
Extra& extra_header(nlmsghdr* message) {
  return *static_cast<Extra*>(mnl_nlmsg_put_extra_header(message, sizeof(Extra)));
}

nlmsghdr* begin_link_change(Buffer& buffer, unsigned index) {
  nlmsghdr* const message = begin(buffer, RTM_NEWLINK, NLM_F_ACK);
  extra_header<ifinfomsg>(message).ifi_index = static_cast<int>(index);
  return message;
}

}  // namespace

void RouteSocket::Close::operator()(mnl_socket* socket) const noexcept {
  mnl_socket_close(socket);
}

RouteSocket::RouteSocket() : socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)) {
  if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    fail(errno, "open a NETLINK_ROUTE socket (does a seccomp filter forbid it?)");
  }
}

int RouteSocket::descriptor() const noexcept {
  return mnl_socket_get_fd(socket_.get());
}

// Sends, and hands every answer to `handle`. -1: refused, and errno says why.
int RouteSocket::ask(nlmsghdr* request, int (*handle)(const nlmsghdr*, void*), void* context) {
  request->nlmsg_seq = ++sequence_;
  mnl_socket* const socket = socket_.get();
  if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) return -1;
  Buffer buffer;
  const bool one_answer = (request->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) == 0;
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
    if (got < 0) return -1;
    const int verdict = mnl_cb_run(buffer.data(), static_cast<std::size_t>(got), sequence_,
                                   mnl_socket_get_portid(socket), handle, context);
    if (verdict <= MNL_CB_STOP || one_answer) return verdict;
  }
}

void RouteSocket::tell(nlmsghdr* request, const std::string& what) {
  if (ask(request, nullptr, nullptr) >= 0) return;
  const int error = errno;
  fail(error, fmt::format("netlink {} ({})", what, remedy(error)));
}

Link RouteSocket::find(const std::string& name) {
  if (const auto link = look_for(name)) return *link;
  fail(ENODEV, fmt::format("netlink RTM_GETLINK on {} ({})", name, remedy(ENODEV)));
}

std::optional<Link> RouteSocket::look_for(const std::string& name) {
  Buffer buffer;
  nlmsghdr* const message = begin(buffer, RTM_GETLINK, 0);
  extra_header<ifinfomsg>(message);
  mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
  Link link;
  if (ask(message, read_link, &link) < 0) {
    const int error = errno;
    if (error == ENODEV) return std::nullopt;
    fail(error, fmt::format("netlink RTM_GETLINK on {} ({})", name, remedy(error)));
  }
  return link;
}

std::vector<Cidr> RouteSocket::addresses(unsigned index, const std::string& object) {
  Buffer buffer;
  nlmsghdr* const message = begin(buffer, RTM_GETADDR, NLM_F_DUMP);
  extra_header<ifaddrmsg>(message).ifa_family = AF_UNSPEC;
  AddressQuery query{index, {}};
  if (ask(message, read_address, &query) < 0) {
    const int error = errno;
    fail(error, fmt::format("netlink RTM_GETADDR on {} ({})", object, remedy(error)));
  }
  return std::move(query.found);
}

void RouteSocket::set_up(unsigned index, bool up, const std::string& object) {
  Buffer buffer;
  nlmsghdr* const message = begin(buffer, RTM_NEWLINK, NLM_F_ACK);
  auto& info = extra_header<ifinfomsg>(message);
  info.ifi_index = static_cast<int>(index);
  info.ifi_flags = up ? IFF_UP : 0;
  info.ifi_change = IFF_UP;
  tell(message, fmt::format("RTM_NEWLINK {} on {}", up ? "up" : "down", object));
}

void RouteSocket::set_mtu(unsigned index, std::uint32_t mtu, const std::string& object) {
  Buffer buffer;
  nlmsghdr* const message = begin_link_change(buffer, index);
  mnl_attr_put_u32(message, IFLA_MTU, mtu);
  tell(message, fmt::format("RTM_NEWLINK mtu {} on {}", mtu, object));
}

void RouteSocket::set_mac(unsigned index, const netdrv::MacAddress& mac,
                          const std::string& object) {
  Buffer buffer;
  nlmsghdr* const message = begin_link_change(buffer, index);
  mnl_attr_put(message, IFLA_ADDRESS, mac.size(), mac.data());
  tell(message, fmt::format("RTM_NEWLINK address on {}", object));
}

void RouteSocket::add_address(unsigned index, const Cidr& cidr, Duplicates duplicates,
                              const std::string& object) {
  const bool skip_detection = cidr.address.family == 6 && duplicates == Duplicates::ignore;
  change_address(RTM_NEWADDR, index, cidr, skip_detection ? IFA_F_NODAD : 0, object);
}

void RouteSocket::remove_address(unsigned index, const Cidr& cidr, const std::string& object) {
  change_address(RTM_DELADDR, index, cidr, 0, object);
}

void RouteSocket::change_address(unsigned type, unsigned index, const Cidr& cidr, unsigned flags,
                                 const std::string& object) {
  Buffer buffer;
  const bool add = type == RTM_NEWADDR;
  nlmsghdr* const message = begin(buffer, static_cast<std::uint16_t>(type),
                                  NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0u));
  const bool is_ipv4 = cidr.address.family == 4;
  auto& info = extra_header<ifaddrmsg>(message);
  info.ifa_family = is_ipv4 ? AF_INET : AF_INET6;
  info.ifa_prefixlen = static_cast<std::uint8_t>(cidr.prefix);
  info.ifa_flags = static_cast<std::uint8_t>(flags);
  info.ifa_index = index;
  const std::size_t length = is_ipv4 ? 4 : 16;
  mnl_attr_put(message, IFA_LOCAL, length, cidr.address.bytes.data());
  mnl_attr_put(message, IFA_ADDRESS, length, cidr.address.bytes.data());
  tell(message,
       fmt::format("{} {} on {}", add ? "RTM_NEWADDR" : "RTM_DELADDR", to_string(cidr), object));
}

}  // namespace bellpull::tools
