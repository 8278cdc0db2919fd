// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arena.hpp"
#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/conformance.hpp"

namespace bellpull::engine::conformance {

/// A transfer and what has to come out of it.
struct Transfer {
  enum class State : std::uint8_t { idle, started, ended, cancelled };

  Op op;
  std::vector<Segment> source;
  std::vector<Segment> destination;
  std::uint64_t length = 0;         // of its lists
  std::vector<std::byte> expected;  // what its destination has in the end, if it is written
  std::uint64_t bytes = 0;          // to be reported; of a read, the most
  std::optional<std::uint32_t> value;
  bool differs = false;  // compare
  State state = State::idle;
  std::uint64_t progress = 0;  // the last that was told
  std::int32_t error = 0;      // reported, as are these
  std::uint64_t done_bytes = 0;
};

using Transfers = std::vector<std::unique_ptr<Transfer>>;

/// Makes random transfers in an arena.
class Maker {
 public:
  Maker(const Capabilities& capabilities, const Options& options, Arena& arena, Random& random)
      : capabilities_(capabilities), options_(options), arena_(arena), random_(random) {}

  /// One of a length that is as likely to be short as long, or of `length`; nullptr when there is
  /// no memory left for it.
  [[nodiscard]] std::unique_ptr<Transfer> make(Operation operation,
                                               std::optional<std::uint64_t> length = {});

  /// From now on lists have segments without bytes, too.
  void allow_empty(bool allowed) noexcept { empty_ = allowed; }

  [[nodiscard]] std::uint64_t max_length() const noexcept;
  [[nodiscard]] std::uint64_t random_length();

 private:
  bool place(std::vector<Segment>& list, std::uint64_t length);
  void expect(Transfer& transfer);
  void expect_compare(Transfer& transfer);

  const Capabilities& capabilities_;
  const Options& options_;
  Arena& arena_;
  Random& random_;
  bool empty_ = false;
  std::uint64_t ids_ = 0;
  std::uint32_t chained_ = 0;
};

/// Operation, lengths and splits, for messages.
[[nodiscard]] std::string describe(const Transfer& transfer);

/// The bytes of a list, one after the other.
[[nodiscard]] std::vector<std::byte> gather(const std::vector<Segment>& list);

/// The number of the first byte from `from` to `to` of a list that is not as expected; `to` if all
/// are.
[[nodiscard]] std::uint64_t first_wrong(const std::vector<Segment>& list,
                                        const std::vector<std::byte>& expected, std::uint64_t from,
                                        std::uint64_t to);

/// CRC-32C bit by bit, as it is defined.
[[nodiscard]] std::uint32_t slow_crc32c(std::uint32_t seed, const std::vector<std::byte>& bytes);

}  // namespace bellpull::engine::conformance
