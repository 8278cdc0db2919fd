// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>

#include "frame_checker.hpp"
#include "respond_scene.hpp"

namespace bellpull::netdrv::test {

/// What is wrong with what the responder made of a request, or nullptr: what must be true of an
/// answer whatever it answers, found out with nothing of the code under test.
inline const char* answer_fault(const Bytes& request, const Bytes& answer) {
  const Anatomy asked = dissect(request);
  const Anatomy given = dissect(answer);
  if (!checksums_right(asked)) return "a request with a wrong checksum was answered";
  if (asked.fragment) return "a fragment was answered";
  if (!checksums_right(given)) return "a checksum of the answer is wrong";
  if (given.end != answer.size()) return "the lengths of the answer are not its frame's";
  if (given.type != asked.type) return "the answer is of another type";
  if (given.network != asked.network ||
      detail::slice(answer, 12, given.network) != detail::slice(request, 12, asked.network)) {
    return "the answer has other tags";
  }
  const auto mac_at = [&](std::size_t at) {
    Mac mac;
    std::copy_n(answer.begin() + static_cast<std::ptrdiff_t>(at), mac.size(), mac.begin());
    return mac;
  };
  if (mac_at(6) != kOurMac) return "the answer comes from another station";
  const Mac to = mac_at(0);
  if (to == kOurMac || to == kNoMac) return "the answer goes to nobody";
  const bool advertisement = given.protocol == 58 && answer.at(given.transport) == 136;
  if ((to[0] & 1) != 0 && !(advertisement && to == kAllNodesMac)) {
    return "the answer goes to a group";
  }
  if (given.type == 0x0806 || advertisement) return nullptr;
  if (given.protocol != asked.protocol) return "the answer is of another protocol";
  if (detail::slice(answer, given.transport + 8, given.end) !=
      detail::slice(request, asked.transport + 8, asked.end)) {
    return "the answer carries other bytes";
  }
  return nullptr;
}

}  // namespace bellpull::netdrv::test
