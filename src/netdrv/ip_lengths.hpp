// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "checksum.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

/// Whether this IPv4 identification is one that stays the same from segment to segment: see
/// Segmenter. Fields as on the wire.
[[nodiscard]] inline bool id_stays(const iphdr& ip) noexcept {
  return ip.id == 0 && (ip.frag_off & wire16(IP_DF)) != 0;
}

/// Makes the IP packet that begins with `headers` one of `bytes` bytes and, of IPv4, the
/// identification that is `step` behind; its header checksum is right afterwards.
inline void set_ip_length(std::span<std::byte> headers, std::uint16_t bytes,
                          std::uint16_t step) noexcept {
  if ((headers[0] >> 4) == std::byte{6}) {
    const auto behind = static_cast<std::uint16_t>(bytes - sizeof(ip6_hdr));
    write_at(headers.data() + offsetof(ip6_hdr, ip6_plen), wire16(behind));
    return;
  }
  auto ip = read_at<iphdr>(headers.data());
  ip.tot_len = wire16(bytes);
  if (!id_stays(ip)) ip.id = wire16(static_cast<std::uint16_t>(wire16(ip.id) + step));
  ip.check = 0;
  write_at(headers.data(), ip);
  InternetSum sum;
  sum.add(headers.first(ip.ihl * 4U));
  write_at(headers.data() + offsetof(iphdr, check), wire16(sum.checksum()));
}

}  // namespace bellpull::netdrv
