// SPDX-License-Identifier: BSD-2-Clause
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "respond.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint16_t kEchoPort = 7;

// Services that answer whatever they are sent: echo, daytime, quote of the day, character generator
// and time. One datagram with such a source port, forged, would go back and forth for ever. Port 0
// is a sender that wants no answer (RFC 768).
constexpr std::array<std::uint16_t, 6> kUnanswered = {0, kEchoPort, 13, 17, 19, 37};

}  // namespace

std::optional<DropReason> turn_udp_echo(Frame& frame, InternetSum pseudo,
                                        bool checksum_optional) noexcept {
  if (!frame.holds(frame.transport, sizeof(udphdr))) return DropReason::bad_length;
  auto udp = frame.read<udphdr>(frame.transport);
  const std::uint16_t length = wire16(udp.uh_ulen);
  if (length < sizeof udp || length > frame.end() - frame.transport) return DropReason::bad_length;
  // A datagram may end before its packet does; what follows is not part of it.
  frame.end_at(frame.transport + length);
  if (udp.uh_sum != 0) {
    pseudo.add_word(length);
    frame.add_from(pseudo, frame.transport);
    if (!pseudo.intact()) return DropReason::bad_checksum;
  } else if (!checksum_optional) {
    return DropReason::bad_checksum;
  }
  const std::uint16_t source = wire16(udp.uh_sport);
  if (wire16(udp.uh_dport) != kEchoPort ||
      std::find(kUnanswered.begin(), kUnanswered.end(), source) != kUnanswered.end()) {
    return DropReason::not_for_us;
  }
  // Addresses and ports change places, so the sum stays as it is; and no checksum stays none.
  std::swap(udp.uh_sport, udp.uh_dport);
  frame.write(frame.transport, udp);
  return {};
}

}  // namespace bellpull::netdrv
