// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <optional>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/drop_reason.hpp"
#include "checksum.hpp"
#include "frame.hpp"
#include "identity.hpp"

// The parts of the `respond` application, one source file per protocol. Each takes a frame whose
// Ethernet header is parsed, and either turns it into its answer, in place, or leaves it alone and
// names the reason. What all agree on:
//
// - Lengths are checked first, then checksums, then whether it is ours and what it asks. A wrong
//   version number counts as a wrong length: it stands for another layout of the header.
// - The answer has the request's tags, its DSCP, IPv4 identification and DF, IPv6 flow label; it
//   has a hop limit of its own, no ECN mark, no IPv4 options and no IPv6 extension headers.
// - An answer goes to one other station only; the one exception is the defence of an address
//   against a duplicate, which goes to all IPv6 nodes.

namespace bellpull::netdrv {

/// Hop limit of an answer (RFC 1700, and what everybody uses).
inline constexpr std::uint8_t kHopLimit = 64;

/// Who answers.
struct Host {
  const Identity self;
  RespondCounters& counters;
};

/// What became of a frame.
struct Verdict {
  engine::Counter* answered = nullptr;         ///< where the answer counts; null if there is none
  DropReason reason = DropReason::not_for_us;  ///< why there is none
};

/// The frame is now its answer.
[[nodiscard]] inline Verdict answered(engine::Counter& counter) noexcept {
  return {.answered = &counter};
}

/// The frame has no answer.
[[nodiscard]] inline Verdict dropped(DropReason reason) noexcept {
  return {.reason = reason};
}

/// ARP (RFC 826).
[[nodiscard]] Verdict answer_arp(Frame& frame, const Host& host) noexcept;

/// IPv4 (RFC 791) with ICMP echo (RFC 792) and UDP echo.
[[nodiscard]] Verdict answer_ipv4(Frame& frame, const Host& host) noexcept;

/// IPv6 (RFC 8200) with ICMPv6 echo (RFC 4443), neighbour solicitation and UDP echo.
[[nodiscard]] Verdict answer_ipv6(Frame& frame, const Host& host) noexcept;

/// A neighbour solicitation (RFC 4861 section 7.2.4) whose checksum is right.
[[nodiscard]] Verdict answer_solicitation(Frame& frame, const Host& host) noexcept;

/// Turns a UDP datagram to port 7 around (RFC 862), or says why not. `pseudo` is the pseudo header
/// but for the length. Ends the frame where the datagram ends; leaves the network header alone.
[[nodiscard]] std::optional<DropReason> turn_udp_echo(Frame& frame, InternetSum pseudo,
                                                      bool checksum_optional) noexcept;

/// Finds what is behind the extension headers that begin at `frame.transport`: `protocol`, there of
/// the first of them, becomes that of the transport header, and `frame.transport` its offset. Or
/// says why the packet goes no further.
[[nodiscard]] std::optional<DropReason> skip_extensions(Frame& frame,
                                                        std::uint8_t& protocol) noexcept;

}  // namespace bellpull::netdrv
