// SPDX-License-Identifier: BSD-2-Clause
#include "link_events.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace bellpull::tools {

LinkEvents::LinkEvents()
    : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (socket_.get() < 0 ||
      ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    throw std::system_error(errno, std::generic_category(),
                            "open a NETLINK_ROUTE socket for changes of interfaces (does a seccomp "
                            "filter forbid it?)");
  }
}

// A message is cut off at the first byte, and counts. So does the error that says that some were
// lost.
void LinkEvents::forget() noexcept {
  char byte = 0;
  while (::recv(socket_.get(), &byte, sizeof byte, 0) >= 0 || errno == ENOBUFS || errno == EINTR) {
  }
}

}  // namespace bellpull::tools
