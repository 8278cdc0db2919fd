// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <utility>

#include "bellpull/engine/conformance.hpp"

namespace bellpull::engine::conformance {

/// The checks, as they come out. The first failure of each is kept.
class Findings {
 public:
  explicit Findings(Report& report);

  void pass(std::string_view name) { set(name, Verdict::passed, {}); }
  void fail(std::string_view name, std::string message) {
    set(name, Verdict::failed, std::move(message));
  }
  /// Why a check that was not made was not.
  void leave_out(std::string_view name, std::string why) {
    set(name, Verdict::left_out, std::move(why));
  }

  /// A transfer never completed: nothing that waits for another one would end.
  void give_up() noexcept { hopeless_ = true; }
  [[nodiscard]] bool hopeless() const noexcept { return hopeless_; }

 private:
  void set(std::string_view name, Verdict verdict, const std::string& message);

  Report& report_;
  bool hopeless_ = false;
};

namespace check {

inline constexpr const char* kCapabilities = "capabilities are sane and constant";
inline constexpr const char* kWindow = "the window is kept";
inline constexpr const char* kUnasked = "nothing is reported that was not started";
inline constexpr const char* kHeldBack = "nothing moves before it was started";
inline constexpr const char* kCompletes = "every transfer completes";
inline constexpr const char* kOnce = "every transfer completes once";
inline constexpr const char* kSpan = "reap stays within its span";
inline constexpr const char* kNoFailure = "transfers do not fail without a cause";
inline constexpr const char* kBytes = "the bytes reported are those done";
inline constexpr const char* kEmpty = "segments without bytes are stepped over";
inline constexpr const char* kElsewhere = "nothing else is written";
inline constexpr const char* kProgress = "progress is true";
inline constexpr const char* kCancel = "cancel forgets a transfer or says that it cannot";
inline constexpr const char* kStop = "after stop no memory is touched";
inline constexpr const char* kRestart = "transfers can be started after stop";
inline constexpr const char* kPause = "nothing moves from pause to resume";
inline constexpr const char* kFailures = "failures say where and how far";
inline constexpr const char* kFailureEnds = "a failure ends the call";
inline constexpr const char* kStream = "stream bytes arrive";

}  // namespace check

/// The check of one operation's outcome.
[[nodiscard]] std::string outcome_of(Operation operation);

}  // namespace bellpull::engine::conformance
