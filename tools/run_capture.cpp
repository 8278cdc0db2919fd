// SPDX-License-Identifier: BSD-2-Clause
#include "run_capture.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <system_error>

#include "error.hpp"

namespace bellpull::tools {

namespace {

// How long a reader may take nothing at the end.
constexpr std::chrono::milliseconds kFinishLimit{500};

std::string reason_of(int error) {
  if (error == ETIMEDOUT) return "its reader took nothing for half a second";
  return std::generic_category().message(error);
}

}  // namespace

RunCapture::RunCapture(const CaptureSpec& spec) : spec_(spec), file_("--capture", spec.path) {}

void RunCapture::attach(netdrv::Nic& nic, std::span<const PortSpec> ports) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    labels.push_back(label_of(name_of(ports[i]), netns_of(ports[i])));
    if (spec_.port.empty() || spec_.port == labels.back() || spec_.port == name_of(ports[i])) {
      captured_.push_back(i);
    }
  }
  if (captured_.empty()) {
    throw UsageError(fmt::format("--capture: port: there is no port {}: use {}", spec_.port,
                                 fmt::join(labels, " or ")));
  }
  netdrv::CaptureOptions options{.snap = spec_.snap, .events = spec_.events};
  if (spec_.filter) options.filter = spec_.filter->for_capture();
  capture_.emplace(file_.begin(), options);
  for (const std::size_t port : captured_) {
    nic.capture(static_cast<unsigned>(port), capture_->add_port(labels[port]));
  }
  capture_->start();
}

void RunCapture::finish(Snapshot& snapshot) {
  capture_->finish(kFinishLimit);
  for (std::size_t i = 0; i < captured_.size(); ++i) {
    snapshot.ends[captured_[i]].capture = capture_->counters(i);
  }
  snapshot.capture_bytes = capture_->written_bytes();
}

std::vector<std::string> RunCapture::complaints() const {
  if (capture_->error() == 0) return {};
  std::uint64_t missed = 0;
  for (std::size_t i = 0; i < captured_.size(); ++i) missed += capture_->counters(i).missed;
  return {fmt::format(
      "write --capture {}: {}; {} frames are missing (is its disk full, or its reader gone?)",
      spec_.path, reason_of(capture_->error()), missed)};
}

}  // namespace bellpull::tools
