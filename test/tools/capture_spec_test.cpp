// SPDX-License-Identifier: BSD-2-Clause
#include "capture_spec.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "error.hpp"

using namespace bellpull;
using netdrv::bit_of;
using netdrv::CaptureEvent;
using tools::CaptureSpec;
using tools::parse_capture;

namespace {

std::string refusal_of(const std::string& text) {
  try {
    static_cast<void>(parse_capture(text));
  } catch (const tools::UsageError& error) {
    return error.what();
  }
  return "it was taken";
}

// Whether a frame of that EtherType passes.
bool passes(tools::FrameFilter& filter, std::byte high, std::byte low) {
  std::array<std::byte, 60> frame{};
  frame[12] = high;
  frame[13] = low;
  const netdrv::CaptureFilter made = filter.for_capture();
  return made.accepts(made.context, frame, frame.size());
}

}  // namespace

TEST_CASE("a path alone captures everything of all ports") {
  const CaptureSpec spec = parse_capture("a b=c.pcapng");
  CHECK(spec.path == "a b=c.pcapng");
  CHECK(spec.port.empty());
  CHECK(spec.events == netdrv::kEveryCaptureEvent);
  CHECK(spec.snap == netdrv::kMostSnap);
  CHECK_FALSE(spec.filter);
}

TEST_CASE("every key is understood, and the filter has the rest") {
  CHECK(refusal_of("f,filter=arp,snap=1").find("'arp,snap=1'") != std::string::npos);
  CaptureSpec spec = parse_capture("f,snap=96,dir=out/drop,port=bp0,filter=arp or ip6");
  CHECK(spec.path == "f");
  CHECK(spec.port == "bp0");
  CHECK(spec.snap == 96);
  CHECK(spec.events == (bit_of(CaptureEvent::sent) | bit_of(CaptureEvent::rx_dropped) |
                        bit_of(CaptureEvent::tx_dropped)));
  REQUIRE(spec.filter);
  CHECK(passes(*spec.filter, std::byte{0x08}, std::byte{0x06}));
  CHECK_FALSE(passes(*spec.filter, std::byte{0x08}, std::byte{0x00}));
  const CaptureSpec copy = spec;  // a run keeps one
  spec.filter.reset();
  REQUIRE(copy.filter);
}

TEST_CASE("what cannot be captured is refused with what could be") {
  CHECK(refusal_of(",snap=1") == "--capture: the path is empty: name the file to write");
  CHECK(refusal_of("-").starts_with("--capture: - is standard output"));
  CHECK(refusal_of("f,").find("unknown: use port, dir, snap or filter") != std::string::npos);
  CHECK(refusal_of("f,dir=").find("has no value") != std::string::npos);
  CHECK(refusal_of("f,dir=in/").find("use in, out or drop") != std::string::npos);
  CHECK(refusal_of("f,snap=262145").find("from 1 to 262144") != std::string::npos);
  CHECK(refusal_of("f,filter=").find("has no value") != std::string::npos);
  CHECK(refusal_of("f,filter=frob").find("libpcap cannot make a filter of 'frob': ") !=
        std::string::npos);
}
