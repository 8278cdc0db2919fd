// SPDX-License-Identifier: BSD-2-Clause
// A transfer that failed as it was meant to: what it did until then is there, and nothing more.
#include <string>
#include <vector>

#include "plan_bytes.hpp"
#include "transfer.hpp"

namespace bellpull::tools::dmatest {

namespace {

using engine::Segment;

// What the destination has to be when all of it is done.
[[nodiscard]] std::vector<std::byte> finished_destination(const Plan& plan,
                                                          const std::vector<Segment>& source) {
  std::vector<std::byte> bytes;
  if (plan.operation == engine::Operation::fill) {
    for (std::size_t at = 0; at < plan.length; ++at) {
      bytes.push_back(static_cast<std::byte>(plan.pattern >> 8 * (at % plan.pattern_bytes)));
    }
    return bytes;
  }
  for (const Segment& each : source) bytes.insert(bytes.end(), each.data, each.data + each.length);
  return bytes;
}

}  // namespace

std::optional<Failure> Transfer::check_failed(const engine::OperationCompletion& completion) {
  Failure failure{.kind = FailureKind::mismatch,
                  .thread = plan_.thread,
                  .what = {},
                  .fault = {},
                  .transfers = {plan_}};
  const auto& list = completion.side == engine::Side::source ? plan_.source : plan_.destination;
  if (completion.bytes > plan_.length) {
    failure.what =
        "failed after " + std::to_string(completion.bytes) + " bytes, which are too many";
    return failure;
  }
  if (completion.segment != 0 && completion.segment >= list.size()) {
    failure.what = "failed in segment " + std::to_string(completion.segment) + " of a list of " +
                   std::to_string(list.size());
    return failure;
  }
  if (!verify_) return std::nullopt;
  if (plan_.operation == engine::Operation::compare) set_differences();
  failure.fault = wrong_source();
  if (!failure.fault) failure.fault = wrong_part(completion.bytes);
  if (!failure.fault) failure.fault = wrong_guard(Side::destination);
  if (!failure.fault) return std::nullopt;
  return failure;
}

// The first `done` bytes of the destination are new, the others as they were.
std::optional<Fault> Transfer::wrong_part(std::uint64_t done) const {
  if (!engine::writes_destination(plan_.operation)) return wrong_destination();
  const std::vector<std::byte> after = finished_destination(plan_, source_);
  const RandomBytes before = destination_bytes(plan_);
  std::size_t at = 0;
  for (const Part& part : plan_.destination) {
    const auto bytes = destination_memory_.bytes().subspan(part.offset, part.length);
    for (std::size_t i = 0; i < bytes.size(); ++i, ++at) {
      const std::byte expected = at < done ? after[at] : before.at(part.offset + i);
      if (bytes[i] == expected) continue;
      return Fault{at < done ? "destination, as far as it was done"
                             : "destination, behind the place where it failed",
                   at, std::to_integer<std::uint64_t>(expected),
                   std::to_integer<std::uint64_t>(bytes[i])};
    }
  }
  return std::nullopt;
}

}  // namespace bellpull::tools::dmatest
