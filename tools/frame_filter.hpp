// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <string>

#include "bellpull/netdrv/capture.hpp"

namespace bellpull::tools {

/// An expression of libpcap (pcap-filter(7)), compiled.
class FrameFilter {
 public:
  /// `subject` is whose expression it is, for messages. Throws UsageError with the reason of
  /// libpcap when it is none for Ethernet frames.
  FrameFilter(const std::string& subject, const std::string& expression);

  /// For a capture, which this outlives.
  [[nodiscard]] netdrv::CaptureFilter for_capture() noexcept;

 private:
  struct Program;
  std::shared_ptr<Program> program_;
};

}  // namespace bellpull::tools
