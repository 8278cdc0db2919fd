// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/capture.hpp"

#include <stdexcept>
#include <string>

#include "capture_writer.hpp"

namespace bellpull::netdrv {

namespace {

const CaptureOptions& checked(const CaptureOptions& options) {
  constexpr std::uint32_t kLeastRing = 1U << 19;
  constexpr std::uint32_t kMostRing = 1U << 30;
  if (options.snap == 0 || options.snap > kMostSnap) {
    throw std::invalid_argument("capture of " + std::to_string(options.snap) +
                                " bytes of each frame: choose 1 to " + std::to_string(kMostSnap));
  }
  if (options.ring_bytes < kLeastRing || options.ring_bytes > kMostRing) {
    throw std::invalid_argument("capture with rings of " + std::to_string(options.ring_bytes) +
                                " bytes: choose " + std::to_string(kLeastRing) + " to " +
                                std::to_string(kMostRing));
  }
  return options;
}

}  // namespace

Capture::Capture(int fd, const CaptureOptions& options)
    : writer_(std::make_unique<Writer>(fd, checked(options))) {}

Capture::~Capture() = default;

CapturePoints Capture::add_port(std::string_view name) {
  return writer_->add_port(name);
}

void Capture::start() {
  writer_->start();
}

void Capture::finish(std::chrono::milliseconds limit) noexcept {
  writer_->finish(limit);
}

CaptureCounters Capture::counters(std::size_t port) const noexcept {
  return writer_->counters(port);
}

std::uint64_t Capture::written_bytes() const noexcept {
  return writer_->file().written();
}

int Capture::error() const noexcept {
  return writer_->file().error();
}

}  // namespace bellpull::netdrv
