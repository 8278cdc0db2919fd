// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>

#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/prepare.hpp"

namespace bellpull::engine {

/// What a request that keeps the rules comes to.
struct Checked {
  PrepareError error{};      ///< kind none, or the first rule that it broke
  std::size_t slots = 0;     ///< that it takes in the ring
  std::uint64_t length = 0;  ///< bytes that it works on
};

/// Checks a request against the rules of its operation and the limits of the channel.
[[nodiscard]] Checked check_operation(const OperationRequest& request,
                                      const Capabilities& limits) noexcept;

}  // namespace bellpull::engine
