// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bellpull/netdrv/capture.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "capture_spec.hpp"
#include "output.hpp"
#include "port_spec.hpp"
#include "sink.hpp"

namespace bellpull::tools {

/// The capture of a run, from its file to what is said of it. Outlives the Nic.
class RunCapture {
 public:
  /// Opens the file. Throws std::system_error.
  explicit RunCapture(const CaptureSpec& spec);

  /// Begins to write what the ports of `nic`, which are these, will receive, send and drop; before
  /// Nic::start(). Throws UsageError when the port that was named is none of them.
  void attach(netdrv::Nic& nic, std::span<const PortSpec> ports);

  /// Ends the file, after Nic::drain(), and adds what was captured to `snapshot`.
  void finish(Snapshot& snapshot);

  /// What went wrong: a line, or none.
  [[nodiscard]] std::vector<std::string> complaints() const;

 private:
  CaptureSpec spec_;
  LateFile file_;
  std::optional<netdrv::Capture> capture_;
  std::vector<std::size_t> captured_;  // numbers of ports, in the order of the capture's
};

}  // namespace bellpull::tools
