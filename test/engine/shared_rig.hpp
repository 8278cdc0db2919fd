// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/engine/shared_channel.hpp"
#include "operation_rig.hpp"

namespace bellpull::engine::test {

/// An engine, a channel and its sharing, run by the test's own thread.
class SharedRig {
 public:
  SharedRig(const OperationSetting& setting, std::unique_ptr<Backend> backend,
            const SharedOptions& shared_options = {}, const OperationOptions& options = {})
      : rig(setting, std::move(backend), options), shared(*rig.channel, shared_options) {}

  /// A round of everything.
  SharedRun round(unsigned limit = 64) {
    const SharedRun first = shared.run(limit);
    step(rig.engine);
    return first;
  }

  /// Runs until the submitter has `count` completions, or is stuck.
  std::vector<OperationCompletion> collect(Submitter& submitter, std::size_t count) {
    std::vector<OperationCompletion> all;
    (void)until(
        rig.engine,
        [&] {
          shared.run(64);
          std::array<OperationCompletion, 16> some;
          const unsigned got = submitter.poll(some);
          all.insert(all.end(), some.begin(), some.begin() + got);
          return all.size() >= count;
        },
        [&] { return all.size(); });
    return all;
  }

  OperationRig rig;
  SharedChannel shared;
};

[[nodiscard]] inline OperationRequest nop(std::uint64_t token, bool fence = false) {
  return {.operation = Operation::nop, .fence = fence, .token = token};
}

[[nodiscard]] inline OperationRequest copy_of(std::span<const Segment> from,
                                              std::span<const Segment> to,
                                              std::uint64_t token = 0) {
  OperationRequest request{.operation = Operation::copy, .token = token};
  request.source = from;
  request.destination = to;
  return request;
}

/// Posts one request; whether it was taken.
[[nodiscard]] inline bool post(Submitter& submitter, const OperationRequest& request) {
  return submitter.post({&request, 1}).kind == PrepareError::Kind::none;
}

}  // namespace bellpull::engine::test
