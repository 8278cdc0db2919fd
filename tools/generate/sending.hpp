// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <optional>

#include "cpu_time.hpp"
#include "generate/options.hpp"
#include "generate/pacer.hpp"
#include "generate/report.hpp"
#include "generate/sender.hpp"
#include "generate/target.hpp"
#include "stop.hpp"

namespace bellpull::tools::generate {

/// The life of a sender:
///   1. the interface is looked at
///   2. a sender is made, and the first burst sent; where XDP does not work, another sender (begin)
///   3. burst after burst, until a signal, the duration or the count ends it
///   4. what it came to (report)
class Sending {
 public:
  /// `options` outlive it. Throws what find_link() does, and std::runtime_error for frames that are
  /// too long for the interface.
  explicit Sending(const Options& options);
  /// Returns when it is over. Throws what a Sender does.
  [[nodiscard]] Report run();

 private:
  void begin();
  std::unique_ptr<Sender> make_sender();
  bool wait_for_next();
  void send_burst();
  [[nodiscard]] bool over() const noexcept {
    return stop_.requested() || sent_.attempted == options_.count;
  }
  [[nodiscard]] Report report(double seconds, const CpuTime& cpu) const;

  Stop stop_;
  const Options& options_;
  const Link before_;
  const Target target_;
  bool xdp_ = true;
  std::unique_ptr<Sender> sender_;
  std::optional<Pacer> pacer_;
  Sent sent_;
};

}  // namespace bellpull::tools::generate
