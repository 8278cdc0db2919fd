// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bellpull/netdrv/capture.hpp"
#include "frame_filter.hpp"

namespace bellpull::tools {

/// What --capture asks for.
struct CaptureSpec {
  std::string path;                                           ///< of the file
  std::string port;                                           ///< the one captured; empty: all
  netdrv::CaptureEvents events = netdrv::kEveryCaptureEvent;  ///< what is captured
  std::uint32_t snap = netdrv::kMostSnap;                     ///< bytes of each frame
  std::optional<FrameFilter> filter;                          ///< which frames; none: all
};

/// Understands FILE[,key=value...], of which `filter` is the last key and has the rest. Throws
/// UsageError.
[[nodiscard]] CaptureSpec parse_capture(std::string_view text);

}  // namespace bellpull::tools
