// SPDX-License-Identifier: BSD-2-Clause
#include "generate/target.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace bellpull::tools::generate {

Link find_link(const std::string& interface) {
  const Link link = RouteSocket().find(interface);
  if (!link.ethernet) {
    throw std::runtime_error(fmt::format(
        "generate: {} is no Ethernet interface: name one, such as a TAP or a veth", interface));
  }
  if (!link.up) {
    throw std::runtime_error(
        fmt::format("generate: {} is down: type `ip link set {} up`", interface, interface));
  }
  return link;
}

}  // namespace bellpull::tools::generate
