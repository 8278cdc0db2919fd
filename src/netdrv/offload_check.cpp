// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/offload_check.hpp"

#include <netinet/udp.h>

#include "checksum.hpp"
#include "frame_limits.hpp"
#include "kernel_uapi.hpp"
#include "superframe.hpp"
#include "vnet_header.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

OffloadFault check_offload(std::span<const std::byte> head, std::uint32_t size,
                           const Offload& offload) noexcept {
  if (offload.gso_type != kVnetGsoNone) {
    SuperframeLayout layout;
    return find_superframe(head, size, offload, layout);
  }
  if (size < kEthernetHeader) return OffloadFault::runt;
  if ((offload.flags & kVnetNeedsCsum) == 0) return OffloadFault::none;
  if (offload.csum_start < kEthernetHeader) return OffloadFault::csum_range;
  const std::uint32_t end = std::uint32_t{offload.csum_start} + offload.csum_offset + 2;
  if (end > size) return OffloadFault::csum_range;
  return end > head.size() ? OffloadFault::headers_split : OffloadFault::none;
}

OffloadSet needed_for(const Offload& offload) noexcept {
  OffloadSet needed;
  if ((offload.flags & kVnetNeedsCsum) != 0) needed = needed | OffloadSet{OffloadFeature::csum};
  switch (offload.gso_type & ~unsigned{kVnetGsoEcn}) {
    case kVnetGsoTcp4:
      return needed | OffloadSet{OffloadFeature::tso4};
    case kVnetGsoTcp6:
      return needed | OffloadSet{OffloadFeature::tso6};
    case kVnetGsoUdpL4:
      return needed | OffloadSet{OffloadFeature::uso};
    default:
      return needed;
  }
}

void complete_checksum(Packet& packet) noexcept {
  Offload& offload = packet.offload();
  if ((offload.flags & kVnetNeedsCsum) == 0 || offload.gso_type != kVnetGsoNone) return;
  const std::span<std::byte> head = packet.head();
  InternetSum sum;
  sum.add(head.subspan(offload.csum_start));
  sum.add(packet.tail());
  std::uint16_t checksum = sum.checksum();
  if (checksum == 0 && offload.csum_offset == offsetof(udphdr, check)) checksum = 0xffff;
  write_at(head.data() + offload.csum_start + offload.csum_offset, wire16(checksum));
  offload.flags &= static_cast<std::uint8_t>(~kVnetNeedsCsum);
  offload.csum_start = 0;
  offload.csum_offset = 0;
}

}  // namespace bellpull::netdrv
