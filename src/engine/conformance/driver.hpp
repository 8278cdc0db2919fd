// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "findings.hpp"
#include "transfer.hpp"

namespace bellpull::engine::conformance {

/// What all checks have in common.
struct Lab {
  Lab(const Subject& the_subject, const Options& the_options, const Capabilities& can,
      Report& report, std::size_t arena_bytes)
      : subject(the_subject),
        options(the_options),
        findings(report),
        random(options.seed),
        capabilities(can),
        arena(arena_bytes, random),
        maker(capabilities, options, arena, random) {}

  const Subject& subject;
  const Options& options;
  Findings findings;
  Random random;
  Capabilities capabilities;
  Arena arena;
  Maker maker;
  std::string phase;  // what is tried now

  /// A batch of one operation, or of any declared one, as many as there is memory for; the arena is
  /// used anew for it.
  [[nodiscard]] Transfers make(std::optional<Operation> operation, std::size_t most,
                               std::optional<std::uint64_t> length = {});
  [[nodiscard]] bool streams() const noexcept {
    return capabilities.operations.contains(Operation::read) ||
           capabilities.operations.contains(Operation::write);
  }
  /// Those that are declared.
  [[nodiscard]] std::vector<Operation> operations() const;

  /// The seed and the rest of what it takes to see it again.
  [[nodiscard]] std::string in(const std::string& what) const {
    return what + " (" + phase + ", seed " + std::to_string(options.seed) + ")";
  }
};

/// Runs transfers on one back-end and watches what it says of them.
class Driver {
 public:
  /// Failures are looked at in check::kFailures if they are expected, else they are wrong.
  Driver(Lab& lab, std::unique_ptr<Backend> backend, bool failures_expected = false);
  /// Stops the back-end.
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  [[nodiscard]] Backend& backend() noexcept { return *backend_; }
  [[nodiscard]] unsigned idle_window() const noexcept { return idle_window_; }
  [[nodiscard]] unsigned failures() const noexcept { return failures_; }

  /// Offers transfers; the first so many were taken.
  std::size_t start(std::span<const std::unique_ptr<Transfer>> offered);
  /// One reap() with room for so many; how many were reported.
  unsigned reap(std::size_t room);
  /// Reaps until all that was started has ended; false when it never does.
  bool finish(std::size_t room);
  /// Starts all of it, at most so many at a time, and reaps until it has ended.
  bool run(const Transfers& transfers, std::size_t at_a_time, std::size_t room);
  /// Nothing more may be reported, and nothing but what was asked for may have been written.
  void settle();
  /// Cancels; true when the back-end says so.
  bool cancel(Transfer& transfer);
  /// Forgets all that was started, as the back-end has to after its stop().
  void forget();
  /// Takes the place of what is otherwise looked at when a transfer ends.
  std::function<void(Transfer&, const Done&)> on_done;
  /// Called when a reap() reported nothing.
  std::function<void()> go_on;

 private:
  void take(const Done& done, bool last_of_call);
  void judge(Transfer& transfer, const Done& done);
  void judge_failure(Transfer& transfer, const Done& done, bool last_of_call);
  bool watch_progress();
  void watch(Transfer& transfer, std::uint64_t now);
  void never_completes();

  Lab& lab_;
  std::unique_ptr<Backend> backend_;
  const bool failures_expected_;
  const unsigned idle_window_;
  std::unordered_map<std::uint64_t, Transfer*> known_;
  std::unordered_map<std::uint64_t, std::string> gone_;  // of transfers that are no more
  std::vector<Transfer*> under_way_;
  std::vector<Done> done_;
  unsigned failures_ = 0;
};

}  // namespace bellpull::engine::conformance
