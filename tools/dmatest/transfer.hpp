// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include "bellpull/engine/operation_channel.hpp"
#include "failure.hpp"
#include "plan.hpp"

namespace bellpull::tools::dmatest {

/// Memory for the list of one side, at an address that is a multiple of a cache line and of what
/// the back-end wants.
class ListMemory {
 public:
  /// Throws std::bad_alloc.
  explicit ListMemory(const Shape& shape);

  /// All of it.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {bytes_.get(), size_}; }

 private:
  struct Free {
    std::align_val_t alignment;
    void operator()(std::byte* bytes) const noexcept { ::operator delete(bytes, alignment); }
  };
  std::size_t size_;
  std::unique_ptr<std::byte, Free> bytes_;
};

/// A plan with memory, from the bytes it starts with to the verdict. One thread.
///
/// Memory around and between the segments is guard: random bytes, as everything before a transfer.
class Transfer {
 public:
  /// Without `verify` memory is all zeros and stays so, so that nothing has to be filled between
  /// transfers and every comparison runs to its end. Throws std::bad_alloc.
  Transfer(const Shape& shape, bool verify);

  /// To be made before prepare().
  [[nodiscard]] Plan& plan() noexcept { return plan_; }
  [[nodiscard]] const Plan& plan() const noexcept { return plan_; }

  /// Gives memory the bytes that the plan says.
  void prepare();

  /// What to ask of the channel; the segments are this transfer's.
  [[nodiscard]] engine::OperationRequest request() const noexcept;

  /// Whether it ended as planned; if not, why. Only once after each prepare().
  [[nodiscard]] std::optional<Failure> check(const engine::OperationCompletion& completion);

  /// The same for one that was made to fail, and says so: whether it did what it says it did and
  /// nothing else.
  [[nodiscard]] std::optional<Failure> check_failed(const engine::OperationCompletion& completion);

  std::uint64_t submitted_ns = 0;  ///< when; for whoever submits it

 private:
  enum class Side : std::uint8_t { source, destination };

  void set_differences() noexcept;
  [[nodiscard]] std::optional<Fault> find_fault(const engine::OperationCompletion& completion);
  [[nodiscard]] std::optional<Fault> wrong_source() const;
  [[nodiscard]] std::optional<Fault> wrong_destination() const;
  [[nodiscard]] std::optional<Fault> wrong_part(std::uint64_t done) const;
  [[nodiscard]] std::optional<Fault> wrong_result(
      const engine::OperationCompletion& completion) const;
  [[nodiscard]] std::optional<Fault> wrong_guard(Side side) const;
  [[nodiscard]] std::byte& destination_at(std::size_t offset) const noexcept;

  const bool verify_;
  Plan plan_;
  ListMemory source_memory_;
  ListMemory destination_memory_;
  std::vector<engine::Segment> source_;
  std::vector<engine::Segment> destination_;
};

}  // namespace bellpull::tools::dmatest
