// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/fault_plan.hpp"
#include "bellpull/engine/fault_turns.hpp"

namespace bellpull::engine {

/// What befalls one transfer, and where.
struct Fault {
  FaultKind kind = FaultKind::late;
  std::int32_t error = 0;
  Side side = Side::source;
  std::uint16_t segment = 0;
  std::uint64_t cut = 0;     ///< bytes before the place where it fails
  std::uint32_t reaps = 0;   ///< until it is reported
  std::uint64_t random = 0;  ///< for what is decided when it ends
};

/// Bytes of a list.
[[nodiscard]] inline std::uint64_t bytes_in(std::span<const Segment> list) noexcept {
  std::uint64_t sum = 0;
  for (const Segment& segment : list) sum += segment.length;
  return sum;
}

/// Bytes that a transfer moves or looks at when nothing goes wrong.
[[nodiscard]] inline std::uint64_t bytes_of(const Op& op) noexcept {
  return reads_source(op.operation) ? bytes_in(op.source) : bytes_in(op.destination);
}

/// Decides by a plan. A transfer that was offered and not taken is decided on again, with the same
/// outcome: only taken() counts.
class FaultChoice {
 public:
  /// Throws std::invalid_argument for a rule that hits every 0th.
  FaultChoice(const FaultPlan& plan, std::uint32_t alignment)
      : plan_(plan), alignment_(std::max(alignment, 1u)) {
    for (const FaultRule& rule : plan.rules) {
      const FaultTurn turn{rule.every, rule.offset, rule.chance, rule.limit};
      turns_.emplace_back(turn, plan.seed, turns_.size());
      if (rule.every == 0) {
        throw std::invalid_argument(
            "fault plan: a rule hits every 0th transfer; choose at least 1 (all of them)");
      }
    }
  }

  /// What befalls `op`, if it is taken next.
  [[nodiscard]] std::optional<Fault> look(const Op& op) const noexcept {
    const std::size_t index = rule_for(op);
    if (index == plan_.rules.size()) return std::nullopt;
    return make(plan_.rules[index], op, turns_[index].random(2));
  }

  /// `op` was taken.
  void taken(const Op& op) noexcept {
    const std::size_t index = rule_for(op);
    for (std::size_t i = 0; i < plan_.rules.size(); ++i) {
      if (concerns(plan_.rules[i], op)) turns_[i].saw(i == index);
    }
  }

 private:
  static bool concerns(const FaultRule& rule, const Op& op) noexcept {
    if (!rule.operations.contains(op.operation)) return false;
    switch (rule.kind) {
      case FaultKind::corrupt:
        return op.operation != Operation::write && bytes_of(op) != 0;
      case FaultKind::read_error:
      case FaultKind::write_error:
      case FaultKind::false_success:
        return bytes_of(op) != 0;
      default:
        return true;
    }
  }

  [[nodiscard]] std::size_t rule_for(const Op& op) const noexcept {
    std::size_t index = 0;
    while (index < plan_.rules.size() &&
           !(concerns(plan_.rules[index], op) && turns_[index].hits())) {
      ++index;
    }
    return index;
  }

  [[nodiscard]] Fault make(const FaultRule& rule, const Op& op,
                           std::uint64_t random) const noexcept {
    const bool timeout = rule.kind == FaultKind::timeout;
    Fault fault{.kind = rule.kind,
                .error = rule.error != 0 ? rule.error
                         : timeout       ? ETIMEDOUT
                                         : EIO,
                .reaps = rule.reaps,
                .random = random};
    const bool writes =
        rule.kind == FaultKind::write_error || rule.kind == FaultKind::false_success;
    Side side = rule.side.value_or(writes ? Side::destination : Side::source);
    if (op.source.empty()) side = Side::destination;
    if (op.destination.empty()) side = Side::source;
    const std::span<const Segment> list = side == Side::source ? op.source : op.destination;
    if (list.empty()) return fault;
    fault.side = side;
    fault.segment =
        rule.segment
            ? static_cast<std::uint16_t>(std::min<std::size_t>(*rule.segment, list.size() - 1))
            : static_cast<std::uint16_t>(random % list.size());
    const std::uint64_t length = list[fault.segment].length;
    fault.cut = bytes_in(list.first(fault.segment));
    if (length != 0) fault.cut += (random >> 16) % length / alignment_ * alignment_;
    return fault;
  }

  const FaultPlan plan_;
  std::vector<FaultTurns> turns_;  // of each rule
  const std::uint32_t alignment_;
};

}  // namespace bellpull::engine
