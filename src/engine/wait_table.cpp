// SPDX-License-Identifier: BSD-2-Clause
#include "wait_table.hpp"

#include <algorithm>

#include "channel_device.hpp"

namespace bellpull::engine {

void WaitTable::add(ChannelDevice& device) {
  const WaitSource source = device.wait_source();
  if (source.fd < 0) return;
  sources_.reserve(sources_.size() + 1);  // so that nothing is left behind when it throws
  waiters_.push_back({&device, source});
  const auto known = std::find_if(sources_.begin(), sources_.end(),
                                  [&](const WaitSource& s) { return s.fd == source.fd; });
  if (known != sources_.end()) {
    known->events |= source.events;
  } else {
    sources_.push_back(source);
  }
}

void WaitTable::remove(ChannelDevice& device) noexcept {
  const auto waiter = std::find_if(waiters_.begin(), waiters_.end(),
                                   [&](const Waiter& w) { return w.device == &device; });
  if (waiter == waiters_.end()) return;
  const int fd = waiter->source.fd;
  waiters_.erase(waiter);
  bool still_watched = false;
  std::uint32_t events = 0;
  for (const Waiter& other : waiters_) {
    if (other.source.fd != fd) continue;
    still_watched = true;
    events |= other.source.events;
  }
  const auto source = std::find_if(sources_.begin(), sources_.end(),
                                   [&](const WaitSource& s) { return s.fd == fd; });
  if (still_watched) {
    source->events = events;
  } else {
    sources_.erase(source);
  }
}

const WaitSource* WaitTable::find(int fd) const noexcept {
  for (const WaitSource& source : sources_) {
    if (source.fd == fd) return &source;
  }
  return nullptr;
}

void WaitTable::ready(int fd, std::uint32_t events) noexcept {
  for (const Waiter& waiter : waiters_) {
    if (waiter.source.fd == fd) waiter.device->woken(events);
  }
}

}  // namespace bellpull::engine
