// SPDX-License-Identifier: BSD-2-Clause
#include "wait_table.hpp"

#include <algorithm>

#include "stream_device.hpp"

namespace bellpull::engine {

void WaitTable::add(StreamDevice& device) {
  if (device.wait_source().fd < 0) return;
  devices_.push_back(&device);
  sources_.reserve(devices_.size());  // so that remove() cannot fail
  rebuild();
}

void WaitTable::remove(StreamDevice& device) noexcept {
  std::erase(devices_, &device);
  rebuild();
}

void WaitTable::ready(std::size_t position) noexcept {
  if (position >= sources_.size()) return;
  for (StreamDevice* device : devices_) {
    if (device->wait_source().fd == sources_[position].fd) device->unblock();
  }
}

void WaitTable::rebuild() {
  sources_.clear();
  for (const StreamDevice* device : devices_) {
    const WaitSource source = device->wait_source();
    const auto known = std::find_if(sources_.begin(), sources_.end(),
                                    [&](const WaitSource& s) { return s.fd == source.fd; });
    if (known != sources_.end()) {
      known->events |= source.events;
    } else {
      sources_.push_back(source);
    }
  }
}

}  // namespace bellpull::engine
