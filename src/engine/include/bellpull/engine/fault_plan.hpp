// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/operation.hpp"

namespace bellpull::engine {

/// What goes wrong with a transfer.
enum class FaultKind : std::uint8_t {
  read_error,     ///< it fails where it reads: in a segment of the source, if it has one
  write_error,    ///< it fails where it writes: in a segment of the destination, if it has one
  timeout,        ///< no byte moves, and after some reaps it fails with ETIMEDOUT
  corrupt,        ///< after it ended a byte of its destination, or its result, is changed
  stuck,          ///< no byte moves and it never ends, until it is cancelled or stopped
  late,           ///< it is reported some reaps later than it ended
  duplicate,      ///< it is reported twice
  garbage_id,     ///< another report, with an id that nobody has, comes before its own
  false_success,  ///< it ends half-way, and is reported as entire
};

/// How many kinds there are.
inline constexpr unsigned kFaultKinds = 9;

/// Its name, as programs print and parse it.
[[nodiscard]] const char* name_of(FaultKind kind) noexcept;

/// Which transfers are hit, and with what. Transfers that the kind cannot hit are not counted: a
/// nop moves nothing that could fail, and of a write there is nothing to corrupt.
struct FaultRule {
  FaultKind kind = FaultKind::write_error;     ///< what happens
  OperationSet operations = all_operations();  ///< to which transfers
  std::uint64_t every = 1;                     ///< every so-manieth of them, not 0
  std::uint64_t offset = 0;                    ///< the first so many are left alone
  std::uint32_t chance = 1'000'000;            ///< of those, so many in a million
  std::uint64_t limit = 0;                     ///< at most so many; 0: no limit
  std::optional<Side> side = {};               ///< list to blame, else by the kind
  std::optional<std::uint16_t> segment = {};   ///< segment to blame, or the last one
                                               ///< if there are less, else any
  std::uint32_t reaps = 8;                     ///< timeout, late: reap() calls
  std::int32_t error = 0;                      ///< errno value; 0: EIO or ETIMEDOUT

  /// All that there are.
  [[nodiscard]] static constexpr OperationSet all_operations() noexcept {
    return {Operation::write, Operation::read,   Operation::nop,         Operation::copy,
            Operation::fill,  Operation::crc32c, Operation::copy_crc32c, Operation::compare};
  }

  /// Whether all members are equal.
  bool operator==(const FaultRule&) const = default;
};

/// Rules in their order: the first that hits a transfer has it. The same plan and the same sequence
/// of transfers make the same faults.
struct FaultPlan {
  std::vector<FaultRule> rules;  ///< none: no faults
  std::uint64_t seed = 1;        ///< of what is left to chance

  /// Whether all members are equal.
  bool operator==(const FaultPlan&) const = default;
};

/// A plan, or why there is none.
struct ParsedFault {
  FaultPlan plan;     ///< empty when it failed
  std::string error;  ///< names the word that was wrong, and what could stand there; else empty
  /// Whether there is a plan.
  explicit operator bool() const noexcept { return error.empty(); }
};

/// Reads a plan: rules with `;` between them, of words with `:` between them. One word of a rule is
/// its kind; others are operations (`copy,fill`; none: all) and `every=`, `offset=`, `chance=`,
/// `limit=`, `side=source` or `destination`, `segment=`, `reaps=` and `errno=`. A rule `seed=7` is
/// the seed. For example `copy:every=7:write-error:segment=1`. Any thread; allocates.
[[nodiscard]] ParsedFault parse_fault(std::string_view text);

/// The plan as parse_fault() reads it; what is as usual is left out. Any thread; allocates.
[[nodiscard]] std::string to_text(const FaultPlan& plan);

}  // namespace bellpull::engine
