// SPDX-License-Identifier: BSD-2-Clause
#include "kernel_side.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace bellpull::tools {

KernelSide::KernelSide(const std::string& interface, const KernelSideWish& wish,
                       Afterwards afterwards)
    : interface_(interface), afterwards_(afterwards) {
  try {
    apply(wish);
  } catch (...) {
    restore();
    throw;
  }
}

KernelSide::~KernelSide() {
  try {
    restore();
  } catch (...) {
    // Out of memory for a line that nobody would read.
  }
}

void KernelSide::apply(const KernelSideWish& wish) {
  const Link before = socket_.find(interface_);
  index_ = before.index;
  if (wish.mac && *wish.mac != before.mac) {
    socket_.set_mac(index_, *wish.mac, interface_);
    later([this, before] { socket_.set_mac(index_, before.mac, interface_); });
  }
  if (wish.mtu && *wish.mtu != before.mtu) {
    socket_.set_mtu(index_, *wish.mtu, interface_);
    later([this, before] { socket_.set_mtu(index_, before.mtu, interface_); });
  }
  if (!before.up) {
    socket_.set_up(index_, true, interface_);
    later([this] { socket_.set_up(index_, false, interface_); });
  }
  if (wish.addresses.empty()) return;
  const std::vector<Cidr> present = socket_.addresses(index_, interface_);
  for (const Cidr& cidr : wish.addresses) {
    const bool there = std::any_of(present.begin(), present.end(), [&](const Cidr& other) {
      return other.prefix == cidr.prefix && same_address(other.address, cidr.address);
    });
    if (there) continue;
    socket_.add_address(index_, cidr, interface_);
    later([this, cidr] { socket_.remove_address(index_, cidr, interface_); });
  }
}

void KernelSide::later(std::function<void()> undo) {
  if (afterwards_ == Afterwards::stays) undo_.push_back(std::move(undo));
}

std::vector<std::string> KernelSide::restore() {
  std::vector<std::string> complaints;
  while (!undo_.empty()) {
    const std::function<void()> undo = std::move(undo_.back());
    undo_.pop_back();
    try {
      undo();
    } catch (const std::system_error& error) {
      const int code = error.code().value();
      // Gone, or somebody was faster.
      if (code != ENODEV && code != EADDRNOTAVAIL) complaints.emplace_back(error.what());
    }
  }
  return complaints;
}

}  // namespace bellpull::tools
