// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/engine/fd_backend.hpp"
#include "op_queue.hpp"

namespace bellpull::engine {

/// The part of a transfer's segments that is still to be moved, as the kernel wants it.
class Vectors {
 public:
  static constexpr unsigned kMost = 16;

  Vectors() noexcept = default;
  Vectors(std::span<const Segment> segments, std::size_t skip) noexcept;

  [[nodiscard]] std::span<const iovec> all() const noexcept {
    return std::span(vectors_).first(count_);
  }

 private:
  std::array<iovec, kMost> vectors_;
  unsigned count_ = 0;
};

/// What back-ends on a non-blocking descriptor have in common: the transfers in their order, one
/// call of read or write, and what the result of a call means, whoever made it.
class DescriptorBackend : public Backend {
 public:
  [[nodiscard]] Capabilities capabilities() const noexcept final;
  [[nodiscard]] WaitSource wait_source() const noexcept final;
  [[nodiscard]] unsigned window() const noexcept final { return ops_.room(); }
  unsigned start(std::span<const Op> ops) noexcept final { return ops_.push(ops); }
  bool cancel(std::uint64_t id) noexcept final;
  void stop() noexcept override;
  void woken(std::uint32_t events) noexcept final;

 protected:
  /// What became of a transfer.
  enum class Step : std::uint8_t { done, failed, again, would_block };

  /// Throws what make_fd_backend() says.
  DescriptorBackend(const FdOptions& options, FdCounters& counters);

  [[nodiscard]] bool reads() const noexcept {
    return options_.direction == Direction::device_to_memory;
  }
  /// What is left of a transfer; `moved_` is the first one's.
  [[nodiscard]] Vectors rest_of(unsigned position) const noexcept;

  /// The call for the first transfer answered `result`: bytes, or minus the errno value. Fills
  /// `done` when that ends it; it stays in ops_.
  [[nodiscard]] Step settle(const Op& op, ssize_t result, Done& done) noexcept;

  /// Moves the first transfer with one call, and takes it out when it has ended.
  [[nodiscard]] Step call(Done& done) noexcept;

  const FdOptions options_;
  FdCounters& counters_;
  OpQueue ops_;

 private:
  [[nodiscard]] int error_of(ssize_t result) const noexcept;
  [[nodiscard]] bool finished(const Op& op, std::size_t now) noexcept;
  [[nodiscard]] bool ended(ssize_t result) const noexcept;
  [[nodiscard]] bool broken() noexcept;

  const bool is_device_;
  bool alarmed_ = false;   // by an event that no call has explained yet
  std::size_t moved_ = 0;  // of the first transfer
};

}  // namespace bellpull::engine
