// SPDX-License-Identifier: BSD-2-Clause
// The responder against strangers' frames: requests that were right and then spoilt, with their
// checksums put right or not, or nothing but bytes.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "netdrv/respond_requests.hpp"
#include "netdrv/respond_rules.hpp"
#include "netdrv/respond_scene.hpp"
#include "ring/fuzz/entry.hpp"
#include "ring/fuzz/input.hpp"

namespace bellpull::netdrv::test {
namespace {

using ring::fuzz::check;
using ring::fuzz::Input;

// Rather in the headers than behind them.
std::size_t place_in(const Bytes& frame, Input& in) {
  return frame.empty() ? 0 : in.below(std::min<std::size_t>(frame.size(), 256));
}

void change(Bytes& frame, Input& in) {
  const std::size_t at = place_in(frame, in);
  const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(at);
  switch (in.byte() % 6) {
    case 0:
      if (!frame.empty()) *begin = in.byte();
      break;
    case 1:
      if (at + 1 < frame.size())
        set16(frame, at, static_cast<unsigned>(in.wild(frame.size())) & 0xffff);
      break;
    case 2:
      frame.resize(at);
      break;
    case 3:
      frame.resize(frame.size() + in.below(400), in.byte());
      break;
    case 4:
      frame.insert(begin, 1 + in.below(48), in.byte());
      break;
    default:
      frame.erase(begin, begin + std::min<std::ptrdiff_t>(frame.end() - begin, 1 + in.below(48)));
  }
}

Bytes arrive(Input& in) {
  static const std::vector<Bytes> requests = requests_with_answers();
  Bytes frame;
  const unsigned kind = in.byte();
  if (kind % 8 == 7) {
    frame.resize(in.below(256));
    for (std::uint8_t& byte : frame) byte = in.byte();
  } else {
    frame = requests.at(in.below(requests.size()));
    for (unsigned changes = kind / 8 % 4; changes != 0; --changes) change(frame, in);
  }
  if ((kind & 128) != 0) repair_checksums(frame);
  return frame;
}

void run(Input in) {
  static Responder host;
  static const std::vector<std::string> dispositions = {"sent",       "runt",         "not_for_us",
                                                        "bad_length", "bad_checksum", "fragment"};
  while (!in.empty()) {
    const Bytes frame = arrive(in);
    const std::string fate = host.rig.fate(frame, 0, 0x00);
    check(std::find(dispositions.begin(), dispositions.end(), fate) != dispositions.end(),
          "a frame has one disposition, and its buffer is back");
    const Bytes answer = host.rig.sent();
    if (fate == "sent") {
      const char* const fault = answer_fault(frame, answer);
      check(fault == nullptr, fault);
    }
    check(host.rig.fate(frame, 0, 0xff) == fate && host.rig.sent() == answer,
          "what lies behind the frame in memory makes no difference");
  }
}

}  // namespace
}  // namespace bellpull::netdrv::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  bellpull::netdrv::test::run(bellpull::ring::fuzz::Input({data, bytes}));
  return 0;
}
