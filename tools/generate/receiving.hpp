// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <string>

#include "bellpull/netdrv/clock.hpp"
#include "generate/flow_ledger.hpp"
#include "generate/options.hpp"
#include "generate/receiver.hpp"
#include "generate/report.hpp"
#include "generate/target.hpp"
#include "stop.hpp"

namespace bellpull::tools::generate {

/// The life of a receiver: frames are judged as they come, until a signal, the duration, silence or
/// the last frame that was expected ends it.
class Receiving {
 public:
  /// `options` outlive it. Throws what find_link() and Receiver() do.
  explicit Receiving(const Options& options)
      : options_(options), receiver_({options.interface, find_link(options.interface).index}) {}
  /// Returns when it is over. Throws what a Receiver does.
  void run();
  /// What it came to.
  [[nodiscard]] Report report();
  /// What was expected and is not so; empty if there is nothing.
  [[nodiscard]] std::string fault() const;

 private:
  void drain();
  [[nodiscard]] bool all_here() const noexcept {
    return options_.expect && ledger_.all().received >= *options_.expect;
  }
  [[nodiscard]] bool quiet() const noexcept {
    return options_.idle && last_ns_ != 0 &&
           netdrv::monotonic_ns() - last_ns_ >= static_cast<std::uint64_t>(options_.idle->count());
  }

  Stop stop_;
  const Options& options_;
  Receiver receiver_;
  FlowLedger ledger_;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
};

}  // namespace bellpull::tools::generate
