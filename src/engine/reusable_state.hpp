// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/reusable.hpp"
#include "operation_records.hpp"

namespace bellpull::engine {

/// All that a submission of it needs. The slots are a number, not certain descriptors: which ones
/// are free changes, how many are kept back does not.
struct Reusable::State {
  OperationChannel* channel = nullptr;
  std::vector<ring::Segment> segments;  // as the chain has them
  std::size_t readable = 0;             // of these
  RequestRecord record;
  std::uint64_t token = 0;
  std::uint32_t length = 0;  // bytes
  std::uint32_t plain = 0;   // see plain_length()
  Cookie cookie = 0;         // of the last submission
};

}  // namespace bellpull::engine
