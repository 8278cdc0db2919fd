// SPDX-License-Identifier: BSD-2-Clause
#include "planned_faults.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bellpull::tools::dmatest {

namespace {

using engine::FaultKind;

[[nodiscard]] bool is_reported(FaultKind kind) noexcept {
  return kind == FaultKind::read_error || kind == FaultKind::write_error ||
         kind == FaultKind::timeout;
}

[[nodiscard]] std::int32_t error_of(const engine::FaultRule& rule) noexcept {
  if (rule.error != 0) return rule.error;
  return rule.kind == FaultKind::timeout ? ETIMEDOUT : EIO;
}

}  // namespace

PlannedFaults::PlannedFaults(const engine::FaultPlan& plan, unsigned thread) : plan_(plan) {
  plan_.seed += thread;
}

std::unique_ptr<engine::Backend> PlannedFaults::around(std::unique_ptr<engine::Backend> backend) {
  if (plan_.rules.empty()) return backend;
  return engine::make_fault_backend(std::move(backend), plan_, counters_);
}

bool PlannedFaults::expects(std::int32_t error) const noexcept {
  return std::any_of(plan_.rules.begin(), plan_.rules.end(), [error](const auto& rule) {
    return is_reported(rule.kind) && error_of(rule) == error;
  });
}

std::uint64_t PlannedFaults::failing() const noexcept {
  return of(FaultKind::read_error) + of(FaultKind::write_error) + of(FaultKind::timeout);
}

std::uint64_t PlannedFaults::bad_reports() const noexcept {
  return of(FaultKind::duplicate) + of(FaultKind::garbage_id);
}

}  // namespace bellpull::tools::dmatest
