// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "frame_builder.hpp"

// Takes any frame apart on its own, knowing nothing of the code under test, to say whether its
// checksums are right, and to put them right.

namespace bellpull::netdrv::test {

/// A checksum field and a copy of what it covers, pseudo header first.
struct ChecksumField {
  std::size_t at;          // in the frame
  std::size_t at_covered;  // in `covered`
  Bytes covered;
  bool may_be_absent;  // 0 means that there is none
  bool must_be_there;  // 0 is wrong
};

/// What a frame consists of.
struct Anatomy {
  bool malformed = true;      // it contradicts itself
  bool fragment = false;      // of a packet, so that there is no transport header to speak of
  unsigned type = 0;          // Ethernet type behind the tags
  std::size_t network = 0;    // offset of the network header
  std::size_t transport = 0;  // offset of the transport header
  std::size_t end = 0;        // where the transport's data end
  unsigned protocol = 0;      // of the transport
  std::vector<ChecksumField> fields;
};

namespace detail {

inline Bytes slice(const Bytes& frame, std::size_t begin, std::size_t end) {
  if (begin > end || end > frame.size()) throw std::out_of_range("frame");
  return Bytes(frame.begin() + static_cast<std::ptrdiff_t>(begin),
               frame.begin() + static_cast<std::ptrdiff_t>(end));
}

inline void add_transport(Anatomy& a, const Bytes& frame, const Bytes& addresses, bool v6) {
  if (a.protocol == (v6 ? 58U : 1U)) {
    const Bytes message = slice(frame, a.transport, a.end);
    if (message.size() < 8) throw std::out_of_range("ICMP");
    const Bytes pseudo =
        v6 ? Bytes(
                 Writer().raw(addresses).u32(static_cast<unsigned>(message.size())).u32(a.protocol))
           : Bytes();
    a.fields.push_back(
        {a.transport + 2, pseudo.size() + 2, joined({pseudo, message}), false, false});
  } else if (a.protocol == 17) {
    const unsigned length = get16(frame, a.transport + 4);
    if (length < 8 || a.transport + length > a.end) throw std::out_of_range("UDP");
    a.end = a.transport + length;
    const Bytes pseudo = Writer().raw(addresses).u32(length).u32(a.protocol);
    a.fields.push_back({a.transport + 6, pseudo.size() + 6,
                        joined({pseudo, slice(frame, a.transport, a.end)}), !v6, v6});
  }
}

inline void dissect_ipv4(Anatomy& a, const Bytes& frame) {
  const std::size_t header = std::size_t{frame.at(a.network) & 15U} * 4;
  const std::size_t total = get16(frame, a.network + 2);
  if (frame.at(a.network) >> 4 != 4 || header < 20 || total < header) throw std::out_of_range("v4");
  a.transport = a.network + header;
  a.end = a.network + total;
  a.fields.push_back({a.network + 10, 10, slice(frame, a.network, a.transport), false, false});
  a.fragment = (get16(frame, a.network + 6) & 0x3fff) != 0;
  a.protocol = frame.at(a.network + 9);
  if (a.end > frame.size()) throw std::out_of_range("v4 total");
  if (!a.fragment) {
    add_transport(a, frame, slice(frame, a.network + 12, a.network + 20), false);
  }
}

inline void dissect_ipv6(Anatomy& a, const Bytes& frame) {
  const Bytes addresses = slice(frame, a.network + 8, a.network + 40);
  if (frame.at(a.network) >> 4 != 6) throw std::out_of_range("v6");
  a.protocol = frame.at(a.network + 6);
  a.transport = a.network + 40;
  a.end = a.transport + get16(frame, a.network + 4);
  if (a.end > frame.size()) throw std::out_of_range("v6 length");
  while (a.protocol == 0 || a.protocol == 43 || a.protocol == 60) {
    const std::size_t behind = a.transport + std::size_t{frame.at(a.transport + 1) + 1U} * 8;
    if (behind > a.end) throw std::out_of_range("extension");
    a.protocol = frame.at(a.transport);
    a.transport = behind;
  }
  a.fragment = a.protocol == 44;
  add_transport(a, frame, addresses, true);
}

}  // namespace detail

/// Takes a frame apart; what is behind the first contradiction is missing.
inline Anatomy dissect(const Bytes& frame) {
  Anatomy a;
  try {
    a.network = 14;
    a.type = get16(frame, 12);
    while (a.type == 0x8100 || a.type == 0x88a8) {
      a.type = get16(frame, a.network + 2);
      a.network += 4;
    }
    a.end = frame.size();
    if (a.type == 0x0800) detail::dissect_ipv4(a, frame);
    if (a.type == 0x86dd) detail::dissect_ipv6(a, frame);
    a.malformed = false;
  } catch (const std::out_of_range&) {
    // Said by `malformed`.
  }
  return a;
}

/// Whether the frame is in one piece and every checksum in it is right.
inline bool checksums_right(const Anatomy& a) {
  if (a.malformed) return false;
  for (const ChecksumField& field : a.fields) {
    const unsigned found = get16(field.covered, field.at_covered);
    if (found == 0 && field.may_be_absent) continue;
    if (found == 0 && field.must_be_there) return false;
    if (reference_checksum(field.covered) != 0) return false;
  }
  return true;
}

/// Puts right what checksums the frame has, as far as it can be taken apart.
inline void repair_checksums(Bytes& frame) {
  for (const ChecksumField& field : dissect(frame).fields) {
    Bytes covered = field.covered;
    set16(covered, field.at_covered, 0);
    const unsigned right = reference_checksum(covered);
    const bool udp = field.may_be_absent || field.must_be_there;
    set16(frame, field.at, udp && right == 0 ? 0xffff : right);
  }
}

}  // namespace bellpull::netdrv::test
