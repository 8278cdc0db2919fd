// SPDX-License-Identifier: BSD-2-Clause
#include "kernel_side.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

namespace bellpull::tools {

KernelSide::KernelSide(const std::string& interface, const KernelSideWish& wish,
                       Afterwards afterwards)
    : interface_(interface), wish_(wish), afterwards_(afterwards) {
  try {
    apply();
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

void KernelSide::configure_again() {
  undo_.clear();
  afterwards_ = Afterwards::stays;
  apply();
}

void KernelSide::apply() {
  const Link before = socket_.find(interface_);
  index_ = before.index;
  if (wish_.mac && *wish_.mac != before.mac) {
    socket_.set_mac(index_, *wish_.mac, interface_);
    later([this, before] { socket_.set_mac(index_, before.mac, interface_); });
  }
  if (wish_.mtu && *wish_.mtu != before.mtu) {
    socket_.set_mtu(index_, *wish_.mtu, interface_);
    later([this, before] { socket_.set_mtu(index_, before.mtu, interface_); });
  }
  const std::vector<Cidr> present = socket_.addresses(index_, interface_);
  if (!before.up) {
    socket_.set_up(index_, true, interface_);
    later([this, present] {
      socket_.set_up(index_, false, interface_);
      // With the interface the kernel took its IPv6 addresses down, also those that were there.
      for (const Cidr& cidr : missing(present)) {
        socket_.add_address(index_, cidr, Duplicates::detect, interface_);
      }
    });
  }
  for (const Cidr& cidr : missing(wish_.addresses)) {
    socket_.add_address(index_, cidr, Duplicates::ignore, interface_);
    later([this, cidr] { socket_.remove_address(index_, cidr, interface_); });
  }
}

std::vector<Cidr> KernelSide::missing(std::vector<Cidr> addresses) {
  if (addresses.empty()) return addresses;
  for (const Cidr& present : socket_.addresses(index_, interface_)) {
    std::erase_if(addresses, [&](const Cidr& cidr) {
      return cidr.prefix == present.prefix && same_address(cidr.address, present.address);
    });
  }
  return addresses;
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
