// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/device_access.hpp"
#include "bellpull/engine/domain.hpp"
#include "bellpull/engine/lent.hpp"
#include "bellpull/engine/mapping.hpp"
#include "bellpull/engine/mapping_error.hpp"

namespace bellpull::engine {

/// A value, or why there is none.
template <class T>
struct [[nodiscard]] Checked {
  T value{};                                ///< as after `T{}` when there is an error
  MappingError error = MappingError::none;  ///< the reason
  /// Whether there is a value.
  explicit operator bool() const noexcept { return error == MappingError::none; }
};

/// Memory that is mapped in a domain, with the client or lent: what Region and Lent are as types,
/// checked when the program runs, for a program that knows its domains only then. Every misuse is
/// refused with an error of its own and changes nothing.
///
/// Move-only. Used by one thread at a time. Its destructor unmaps when it is the last part of its
/// mapping; if a transfer has the memory, it is abandoned instead: the mapping never ends, because
/// a device may still touch the bytes. It is counted (DomainStats::abandoned).
class AnyRegion {
 public:
  /// Holds no memory.
  AnyRegion() = default;
  /// Takes the memory over; `other` holds none afterwards.
  AnyRegion(AnyRegion&& other) noexcept = default;
  /// Gives up the memory that it holds as the destructor does, then takes over that of `other`.
  AnyRegion& operator=(AnyRegion&& other) noexcept = default;
  ~AnyRegion() = default;

  /// Maps client memory, as DomainOf::map() does.
  static Mapped<AnyRegion> map(Domain& domain, std::span<std::byte> bytes, DeviceAccess access);

  /// Ends the mapping, if this is its last part. Refuses as not_mapped, lent. Takes the lock of the
  /// table.
  [[nodiscard]] MappingError unmap() noexcept;

  /// The memory, for the client. Refuses as not_mapped, lent. Do not keep the span when you lend.
  Checked<std::span<std::byte>> bytes() const noexcept;

  /// Splits the bytes from `at` on off, as another part of the same mapping. Refuses as not_mapped,
  /// lent, out_of_range: both parts have at least one byte.
  Checked<AnyRegion> split(std::size_t at) noexcept;

  /// Lends it to `transfers` transfers (0 is taken as 1) that bear this token. Refuses as
  /// not_mapped, lent. Allocates nothing, takes no lock.
  [[nodiscard]] MappingError lend(std::uint64_t token, std::uint32_t transfers = 1) noexcept;

  /// The memory, for a request of a channel whose device is in `domain` and will do `use` with it.
  /// Refuses as not_mapped, not_lent, wrong_domain, wrong_access. Allocates nothing, takes no lock.
  Checked<Segment> piece(const Domain& domain, DeviceAccess use) const noexcept;

  /// `length` bytes from `offset` on of it. Refuses as out_of_range besides.
  Checked<Segment> piece(const Domain& domain, DeviceAccess use, std::size_t offset,
                         std::size_t length) const noexcept;

  /// Counts the end of one transfer, whatever its status; at the last one the memory is the
  /// client's again. Refuses as not_mapped, not_lent, wrong_completion; under_way says that there
  /// are more to come. Allocates nothing, takes no lock.
  template <EndsTransfer End>
  [[nodiscard]] MappingError returned(const End& completion) noexcept {
    return end(completion.token);
  }

  /// The error with the name of the domain and the addresses: a sentence for people. Allocates.
  [[nodiscard]] std::string describe(MappingError error) const;

 private:
  explicit AnyRegion(detail::Part&& part) noexcept : part_(std::move(part)) {}
  [[nodiscard]] MappingError end(std::uint64_t token) noexcept;
  [[nodiscard]] MappingError why_not_the_clients() const noexcept;

  // One of them has the memory, or none.
  detail::Part part_;
  detail::Loan loan_;
};

}  // namespace bellpull::engine
