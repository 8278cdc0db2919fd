// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "operation_rig.hpp"

namespace bellpull::engine::test {

inline constexpr std::size_t kBuffers = 5;
inline constexpr std::size_t kBufferBytes = 96;
inline constexpr std::size_t kMostNodes = 24;
inline constexpr std::uint64_t kToken = 7;
inline constexpr std::uint32_t kNobody = kMostNodes;
using Memory = std::array<std::array<std::byte, kBufferBytes>, kBuffers>;
using Random = std::mt19937_64;

/// A node before it has a graph. copy_crc32c fails on every back-end, and a fill with no pattern is
/// refused by every channel.
struct PlannedNode {
  Operation operation = Operation::nop;
  std::size_t from = 0, to = 0, length = 0, split = 0;
  std::uint64_t pattern = 0;
  bool refused = false;
  std::vector<std::uint32_t> parents;
};
using Planned = std::vector<PlannedNode>;

/// How it has to end.
struct Expected {
  Status status = Status::ok;
  std::int32_t error = 0;
  std::uint64_t bytes = 0;
  std::uint32_t value = 0;
  std::uint32_t cause = kNobody;  // the node that is to blame
};

/// A number below `limit`.
inline std::size_t below(Random& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

/// A random graph. Whoever touches the same memory descends from those before, and others now and
/// then.
inline Planned plan(Random& random) {
  Planned nodes(1 + below(random, kMostNodes));
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    PlannedNode& node = nodes[i];
    constexpr std::array kChoice{Operation::nop,     Operation::copy,   Operation::copy,
                                 Operation::copy,    Operation::fill,   Operation::crc32c,
                                 Operation::compare, Operation::compare};
    node.operation = kChoice[below(random, kChoice.size())];
    if (below(random, 10) == 0) node.operation = Operation::copy_crc32c;
    node.from = below(random, kBuffers);
    node.to = (node.from + 1 + below(random, kBuffers - 1)) % kBuffers;
    node.length = 2 + below(random, kBufferBytes - 1);
    node.split = 1 + below(random, node.length - 1);
    node.pattern = below(random, 3);
    node.refused = node.operation == Operation::fill && below(random, 4) == 0;
    const auto touches = [](const PlannedNode& one, std::size_t buffer) {
      return (reads_source(one.operation) && one.from == buffer) ||
             (has_destination(one.operation) && one.to == buffer);
    };
    for (std::uint32_t j = 0; j < i; ++j) {
      const bool shared = (reads_source(node.operation) && touches(nodes[j], node.from)) ||
                          (has_destination(node.operation) && touches(nodes[j], node.to));
      const bool both_read =
          !writes_destination(node.operation) && !writes_destination(nodes[j].operation);
      if ((shared && !both_read) || below(random, 30) == 0) node.parents.push_back(j);
    }
  }
  return nodes;
}

/// What becomes of a node that begins.
inline Expected run_alone(const PlannedNode& node, Memory& memory) {
  const std::span<std::byte> from = std::span(memory[node.from]).first(node.length);
  const std::span<std::byte> to = std::span(memory[node.to]).first(node.length);
  Expected end{.bytes = node.length};
  switch (node.operation) {
    case Operation::copy:
      std::copy(from.begin(), from.end(), to.begin());
      break;
    case Operation::fill:
      if (node.refused) return {.status = Status::failed, .error = EINVAL};
      std::fill(to.begin(), to.end(), static_cast<std::byte>(node.pattern));
      break;
    case Operation::crc32c:
      end.value = slow_crc32c(0, from);
      break;
    case Operation::compare: {
      const auto differs = std::mismatch(from.begin(), from.end(), to.begin()).first;
      end.bytes = static_cast<std::uint64_t>(differs - from.begin());
      end.value = differs != from.end() ? 1 : 0;
      break;
    }
    case Operation::copy_crc32c:
      return {.status = Status::failed, .error = ETIMEDOUT};
    default:
      end.bytes = 0;
  }
  return end;
}

/// What has to become of all of them.
inline std::vector<Expected> run_in_turn(const Planned& nodes, Memory& memory) {
  std::vector<Expected> ends;
  for (const PlannedNode& node : nodes) {
    std::uint32_t cause = kNobody;
    for (const std::uint32_t parent : node.parents) {
      if (ends[parent].status == Status::ok) continue;
      cause = std::min(cause, std::min(ends[parent].cause, parent));
    }
    ends.push_back(cause != kNobody ? Expected{.status = Status::not_attempted, .cause = cause}
                                    : run_alone(node, memory));
  }
  return ends;
}

}  // namespace bellpull::engine::test
