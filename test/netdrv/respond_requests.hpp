// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <vector>

#include "respond_scene.hpp"

namespace bellpull::netdrv::test {

/// Frames to the responder of every kind that it answers, with all taggings, extensions and
/// options.
inline std::vector<Bytes> requests_with_answers() {
  std::vector<Bytes> frames;
  for (const std::vector<Tag>& tags : kTaggings) {
    for (const std::size_t size : {0U, 1U, 30U}) {
      frames.push_back(ping4(pattern(size), tags));
      frames.push_back(hello4(pattern(size), tags));
      frames.push_back(ping6(pattern(size), tags));
      frames.push_back(hello6(pattern(size), tags));
    }
    frames.push_back(arp_request(tags));
    const Link group = tagged({kSolicitedMac, kPeerMac}, tags);
    frames.push_back(solicit({.link = group}));
    frames.push_back(solicit({.options = {}, .link = group}));
    frames.push_back(solicit({.from = kNo6, .options = {}, .link = group}));
    Ipv4 with_options = request4(1);
    with_options.options = {7, 7, 4, 0, 0, 0, 0, 1};
    frames.push_back(ethernet(tagged(kToUs, tags), 0x0800,
                              ipv4(with_options, icmp4(8, 0, echo_body(7, 1, pattern(9))))));
    const Bytes extensions = {60, 0, 1, 4, 0,  0, 0, 0, 43, 0, 5, 2,
                              0,  0, 1, 0, 58, 0, 0, 0, 0,  0, 0, 0};
    frames.push_back(ethernet(
        tagged(kToUs, tags), 0x86dd,
        ipv6(request6(0),
             joined({extensions, icmp6(kPeer6, kOur6, 128, 0, echo_body(7, 1, pattern(9)))}))));
  }
  for (const std::size_t size : {1870U, 1879U, 2100U}) {
    frames.push_back(ping4(pattern(size)));
    frames.push_back(hello6(pattern(size)));
  }
  return frames;
}

}  // namespace bellpull::netdrv::test
