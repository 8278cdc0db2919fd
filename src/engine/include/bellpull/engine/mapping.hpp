// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "bellpull/engine/device_access.hpp"
#include "bellpull/engine/mapping_error.hpp"

namespace bellpull::engine {

class MappingTable;

namespace detail {

/// A domain as its table knows it. Stays while something is mapped in it, and belongs to the table.
struct DomainRecord {
  std::string name;
  std::uint64_t maps = 0;
  std::uint64_t unmaps = 0;
  std::uint64_t refused = 0;
  std::uint64_t abandoned = 0;
  bool open = true;
};

/// One mapping; belongs to the table.
struct Mapping {
  Mapping(MappingTable& in, DomainRecord& of, std::span<std::byte> memory,
          DeviceAccess may) noexcept
      : table(in), domain(of), bytes(memory), access(may) {}

  MappingTable& table;
  DomainRecord& domain;
  const std::span<std::byte> bytes;
  const DeviceAccess access;
  std::atomic<std::uint32_t> parts{1};  // the last one to go unmaps
  std::atomic<std::uint32_t> lent{0};   // how many of them transfers have
};

/// Some of the bytes of a mapping, which no other part has. Move-only; empty once moved from.
class Part {
 public:
  Part() = default;
  /// Takes over the one part that a new mapping counts.
  explicit Part(Mapping& mapping) noexcept : mapping_(&mapping), bytes_(mapping.bytes) {}
  Part(Part&& other) noexcept
      : mapping_(std::exchange(other.mapping_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  Part& operator=(Part&& other) noexcept {
    Part taken(std::move(other));
    std::swap(mapping_, taken.mapping_);
    std::swap(bytes_, taken.bytes_);
    return *this;
  }
  ~Part() {
    // Whoever unmaps has seen what the holders of the other parts did to their bytes.
    if (mapping_ != nullptr && mapping_->parts.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      unmap();
    }
  }

  // Not whether there is an address: a device may well know memory as address 0.
  explicit operator bool() const noexcept { return mapping_ != nullptr; }
  [[nodiscard]] Mapping* mapping() const noexcept { return mapping_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

  /// Keeps the first `at` bytes and returns the others. 0 < at < bytes().size().
  [[nodiscard]] Part split(std::size_t at) noexcept {
    // Relaxed: this part is held, so the count cannot reach zero meanwhile.
    mapping_->parts.fetch_add(1, std::memory_order_relaxed);
    Part rest;
    rest.mapping_ = mapping_;
    rest.bytes_ = bytes_.subspan(at);
    bytes_ = bytes_.first(at);
    return rest;
  }

  /// Lets go of the bytes without giving up the mapping: a device may still touch them.
  void abandon() noexcept;

 private:
  void unmap() noexcept;

  Mapping* mapping_ = nullptr;
  std::span<std::byte> bytes_;
};

/// A part that transfers have, until as many as were agreed have completed. If it is destroyed
/// before, the part is abandoned.
class Loan {
 public:
  Loan() = default;
  /// Lends `part`, which is empty afterwards; lends nothing if it was before.
  Loan(Part&& part, std::uint64_t token, std::uint32_t transfers) noexcept
      : part_(std::move(part)), token_(token), left_(transfers) {
    // Relaxed, as below: a number for reports, which orders nothing.
    if (part_) part_.mapping()->lent.fetch_add(1, std::memory_order_relaxed);
  }
  Loan(Loan&& other) noexcept = default;
  Loan& operator=(Loan&& other) noexcept {
    Loan taken(std::move(other));
    std::swap(part_, taken.part_);
    std::swap(token_, taken.token_);
    std::swap(left_, taken.left_);
    return *this;
  }
  ~Loan() {
    if (part_) part_.abandon();
  }

  explicit operator bool() const noexcept { return static_cast<bool>(part_); }
  [[nodiscard]] const Part& part() const noexcept { return part_; }

  /// Counts one completion. After `none`, take() is due.
  [[nodiscard]] MappingError end(std::uint64_t token) noexcept {
    if (!part_) return MappingError::not_lent;
    if (token != token_) return MappingError::wrong_completion;
    if (left_ > 1) {
      --left_;
      return MappingError::under_way;
    }
    return MappingError::none;
  }

  /// Ends the loan.
  [[nodiscard]] Part take() noexcept {
    part_.mapping()->lent.fetch_sub(1, std::memory_order_relaxed);
    return std::move(part_);
  }

 private:
  Part part_;
  std::uint64_t token_ = 0;
  std::uint32_t left_ = 0;
};

}  // namespace detail
}  // namespace bellpull::engine
