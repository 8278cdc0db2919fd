// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/ring/c/device.h"
#include "bellpull/ring/layout.hpp"

namespace bellpull::ring::c {

[[nodiscard]] inline bp_queue to_c(const SplitMemory& memory) noexcept {
  return {BP_SPLIT, memory.size, memory.desc, memory.avail, memory.used};
}
[[nodiscard]] inline bp_queue to_c(const PackedMemory& memory) noexcept {
  return {BP_PACKED, memory.size, memory.desc, memory.driver_event, memory.device_event};
}

inline void from_c(const bp_queue& queue, SplitMemory& memory) noexcept {
  memory = {queue.size, static_cast<vring_desc*>(queue.desc),
            static_cast<vring_avail*>(queue.driver), static_cast<vring_used*>(queue.device)};
}
inline void from_c(const bp_queue& queue, PackedMemory& memory) noexcept {
  memory = {queue.size, static_cast<PackedDescriptor*>(queue.desc),
            static_cast<std::uint32_t*>(queue.driver), static_cast<std::uint32_t*>(queue.device)};
}

}  // namespace bellpull::ring::c
