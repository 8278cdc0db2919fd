// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine::conformance {

/// The other side of a device that streams. Both are called between calls of the back-end that was
/// made last, on the same thread, and do not wait.
struct Peer {
  /// For a back-end that reads: gives the device a message; false when it takes none now.
  std::function<bool(std::span<const std::byte>)> send = {};
  /// For a back-end that writes: moves what arrived at the device to `into`, and returns how many
  /// bytes that were, 0 if nothing did.
  std::function<std::size_t(std::span<std::byte> into)> receive = {};
};

/// What is checked.
struct Subject {
  /// Makes a back-end that nothing is under way in. Called for each check; what it throws comes out
  /// of run().
  std::function<std::unique_ptr<Backend>()> make = {};
  /// Called after each reap() that reported nothing: lets a simulated device go on. May sleep.
  std::function<void()> go_on = {};
  /// Makes one of which at least some transfers fail, for instance with make_fault_backend().
  /// Without it, failures are not checked.
  std::function<std::unique_ptr<Backend>()> make_failing = {};
  /// For one that streams. Without it, its bytes are not checked.
  Peer peer = {};
};

/// How much is tried.
struct Options {
  std::uint64_t seed = 1;  ///< of lengths, places, splits and bytes: the same seed, the same run
  std::uint32_t max_length = 1u << 20;  ///< bytes of the longest transfer, if the back-end takes it
  std::uint32_t stream_length = 8192;   ///< bytes of the longest message of a stream
  unsigned rounds = 24;                 ///< batches of transfers of each operation
  unsigned patience = 20'000;  ///< reap() calls without a report or progress, after which a
                               ///< transfer counts as never completed
  bool empty_segments = true;  ///< whether lists have segments of 0 bytes, too
};

/// How a check ended.
enum class Verdict : std::uint8_t {
  passed,    ///< as it has to be
  failed,    ///< the message says how not
  left_out,  ///< it does not apply, or could not be made: the message says why
};

/// One check.
struct Check {
  std::string name;                     ///< what has to be, in a few words; names stay
  Verdict verdict = Verdict::left_out;  ///< how it ended
  std::string message;  ///< failed: the first time, what was expected and seen, and in which case
};

/// All checks of one run.
struct Report {
  std::vector<Check> checks;  ///< always the same ones, in the same order
  std::uint64_t seed = 0;     ///< of the run
  bool streams = false;       ///< it reads or writes a stream and has no memory operations

  /// Whether none failed.
  [[nodiscard]] bool passed() const noexcept;
  /// The check of that name, or nullptr.
  [[nodiscard]] const Check* find(std::string_view name) const noexcept;
  /// A line for each check, the failed ones with their messages.
  [[nodiscard]] std::string text() const;
};

/// Makes all checks. Ends whatever the back-end does, unless one of its calls does not return: one
/// that never completes a transfer fails a check, and those that need completions are left out.
/// Blocks for seconds at most; allocates. While a back-end has to leave client memory alone, that
/// memory is closed to the whole process, and from the first time until run() returns SIGSEGV is
/// handled here: one run() at a time, and accesses that should not be are reported, not fatal.
/// Throws std::bad_alloc, std::system_error when the kernel refuses memory, and
/// std::invalid_argument for a subject without `make` or for an option that is 0 (except the seed).
[[nodiscard]] Report run(const Subject& subject, const Options& options = {});

}  // namespace bellpull::engine::conformance
