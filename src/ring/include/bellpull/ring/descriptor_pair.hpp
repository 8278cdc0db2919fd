// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#ifndef VIRTIO_RING_NO_LEGACY
#define VIRTIO_RING_NO_LEGACY
#endif
#include <linux/virtio_ring.h>

#include <cstdint>

#include "bellpull/ring/segment.hpp"

namespace bellpull::ring::detail {

// A chain of one direct descriptor to read and one to write, copied: a source and a destination.
struct DescriptorPair {
  // What tells kinds of descriptors apart.
  static constexpr std::uint16_t kKind =
      VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT;

  Segment read;
  Segment write;
  std::uint16_t head = 0;
};

}  // namespace bellpull::ring::detail
