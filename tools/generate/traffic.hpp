// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bellpull/netdrv/timed_frame.hpp"

namespace bellpull::tools::generate {

/// Most sizes in a list.
inline constexpr std::size_t kMostSizes = 64;

/// Most flows: a timed frame has 16 bits for its flow.
inline constexpr std::uint64_t kMostFlows = 65536;

/// Which frames are sent. They are numbered from 0; everything else follows from the number.
struct Traffic {
  netdrv::FrameEnds ends;  ///< who sends to whom
  std::vector<std::uint16_t> sizes{
      netdrv::kMinTimedFrame};  ///< bytes; each flow takes them in turn
  std::uint32_t flows = 1;      ///< frames go to them in turn

  /// The flow of a frame and its number within it.
  [[nodiscard]] netdrv::TimedFrame said(std::uint64_t number,
                                        std::uint64_t time_ns) const noexcept {
    return {.flow = static_cast<std::uint16_t>(number % flows),
            .sequence = number / flows,
            .time_ns = time_ns};
  }

  /// Its bytes.
  [[nodiscard]] std::uint16_t size(std::uint64_t number) const noexcept {
    return sizes[number / flows % sizes.size()];
  }
};

}  // namespace bellpull::tools::generate
