// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bellpull/engine/counter.hpp"
#include "bellpull/netdrv/capture.hpp"
#include "capture_file.hpp"
#include "capture_source.hpp"
#include "pcapng.hpp"

namespace bellpull::netdrv {

/// The thread of a capture: takes what is in all rings, merges it by time, encodes it into a buffer
/// and writes that; sleeps when there is nothing. Slots are given back when they are in the file.
/// The contract of the public members is capture.hpp's.
class Capture::Writer {
 public:
  Writer(int fd, const CaptureOptions& options);
  ~Writer();

  CapturePoints add_port(std::string_view name);
  void start();
  void finish(std::chrono::milliseconds limit) noexcept;
  [[nodiscard]] CaptureCounters counters(std::size_t port) const noexcept;
  [[nodiscard]] const CaptureFile& file() const noexcept { return file_; }

 private:
  struct Port {
    std::string name;
    std::array<std::unique_ptr<CaptureSource>, 2> sources;
    engine::Counter captured;
    engine::Counter filtered;
    engine::Counter lost;       // out of the ring and not in the file
    std::uint64_t pending = 0;  // in the buffer
    std::uint64_t missed = 0;   // that no record in the file has told of
  };

  void run() noexcept;
  void begin();
  bool drain() noexcept;
  [[nodiscard]] std::pair<CaptureSource*, std::size_t> earliest() const noexcept;
  void take(const CaptureSource& source, std::size_t number) noexcept;
  [[nodiscard]] bool accepts(const CaptureSource& source);
  void flush() noexcept;
  [[nodiscard]] bool arm() noexcept;
  void end();
  [[nodiscard]] std::uint64_t now() const noexcept;

  template <class Visit>
  void each_source(Visit&& visit) const noexcept {
    for (const auto& port : ports_) {
      for (const auto& source : port->sources) visit(*source);
    }
  }

  const CaptureOptions options_;
  CaptureFile file_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::thread thread_;
  // Of the thread.
  std::uint64_t begun_ns_ = 0;
  Pcapng blocks_;
  std::vector<std::byte> whole_;  // a frame that the filter is shown
};

}  // namespace bellpull::netdrv
