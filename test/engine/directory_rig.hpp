// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <string>

#include "bellpull/engine/channel_directory.hpp"
#include "shared_rig.hpp"

namespace bellpull::engine::test {

/// What the copy back-end can do.
inline const Capabilities kCopyAll = make_copy_backend()->capabilities();

/// One channel with a copy back-end.
[[nodiscard]] inline ChannelDeclaration copy_channel(std::string name) {
  return {.name = std::move(name), .make = [] { return make_copy_backend(); }};
}

/// A device of that many copy channels: "copy 0", "copy 1" …
[[nodiscard]] inline DeviceDeclaration copy_device(Engine& engine, unsigned channels) {
  DeviceDeclaration device{.name = "copier", .engine = &engine, .capabilities = kCopyAll};
  for (unsigned i = 0; i < channels; ++i) {
    device.channels.push_back(copy_channel("copy " + std::to_string(i)));
  }
  return device;
}

/// A predicate that all keep.
[[nodiscard]] inline bool all_channels(const ChannelOffer&) {
  return true;
}

/// Whether a text has all of these.
template <class... Words>
[[nodiscard]] bool says(const FindError& error, Words... words) {
  return ((error.describe().find(words) != std::string::npos) && ...);
}

}  // namespace bellpull::engine::test
