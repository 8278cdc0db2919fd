// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/fault_backend.hpp"

namespace bellpull::engine::test {

inline constexpr std::size_t kPart = 100;  // bytes of each of three segments
inline constexpr std::size_t kLength = 3 * kPart;

/// A transfer from three segments to three.
struct Transfer {
  std::array<std::byte, kLength> from{}, to{};
  std::array<Segment, 3> source{}, destination{};
  Op op;

  explicit Transfer(std::uint64_t id, Operation operation = Operation::copy) {
    for (std::size_t i = 0; i < kLength; ++i) from[i] = static_cast<std::byte>(i * 7 + id + 1);
    for (std::size_t i = 0; i < 3; ++i) {
      source[i] = {from.data() + i * kPart, kPart};
      destination[i] = {to.data() + i * kPart, kPart};
    }
    op.id = id;
    op.operation = operation;
    if (reads_source(operation)) op.source = source;
    if (has_destination(operation)) op.destination = destination;
    if (operation == Operation::compare) to = from;
    op.pattern_bytes = operation == Operation::fill ? 1 : 0;
    op.pattern = 0x55;
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] std::size_t differing() const {
    return static_cast<std::size_t>(std::inner_product(from.begin(), from.end(), to.begin(), 0,
                                                       std::plus<>{}, std::not_equal_to<>{}));
  }
};

/// `inner` with the faults of a plan that can be read.
[[nodiscard]] inline std::unique_ptr<Backend> faulty(const std::string& plan,
                                                     std::unique_ptr<Backend> inner,
                                                     FaultCounters& counters) {
  const ParsedFault parsed = parse_fault(plan);
  REQUIRE_MESSAGE(parsed, parsed.error);
  return make_fault_backend(std::move(inner), parsed.plan, counters);
}

/// A back-end with faults, and its reports.
struct FaultRig {
  explicit FaultRig(const std::string& text, std::unique_ptr<Backend> inner = make_copy_backend()) {
    const ParsedFault parsed = parse_fault(text);
    REQUIRE_MESSAGE(parsed, parsed.error);
    backend = make_fault_backend(std::move(inner), parsed.plan, counters);
  }

  std::vector<Done> reap(std::size_t calls, std::size_t span = 16) {
    std::vector<Done> all;
    for (std::size_t i = 0; i < calls; ++i) {
      std::vector<Done> done(span);
      last = backend->reap(done);
      all.insert(all.end(), done.begin(), done.begin() + last.count);
    }
    return all;
  }
  std::vector<Done> run(const Op& op, std::size_t calls = 20) {
    REQUIRE(backend->start({&op, 1}) == 1);
    return reap(calls);
  }

  FaultCounters counters;
  std::unique_ptr<Backend> backend;
  Reaped last;
};

}  // namespace bellpull::engine::test
