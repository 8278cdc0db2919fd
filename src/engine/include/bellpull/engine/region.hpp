// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "bellpull/engine/device_access.hpp"
#include "bellpull/engine/domain.hpp"
#include "bellpull/engine/lent.hpp"
#include "bellpull/engine/mapping.hpp"

// clang can follow a region through a function: with -Wconsumed, the bytes of one that was lent or
// moved from are a warning there. Elsewhere such a region has no bytes.
#if defined(__clang__)
#define BELLPULL_FOLLOWED [[clang::consumable(unknown)]]
#define BELLPULL_HOLDS_NOTHING [[clang::return_typestate(consumed)]]
#define BELLPULL_UNLESS_GONE [[clang::callable_when("unconsumed", "unknown")]]
#else
#define BELLPULL_FOLLOWED
#define BELLPULL_HOLDS_NOTHING
#define BELLPULL_UNLESS_GONE
#endif

namespace bellpull::engine {

/// Memory that is mapped in the domain `Tag` for `access`, and is with the client: it can reach the
/// bytes, or lend them to a transfer. Mapped once; lending and giving back map and unmap nothing.
///
/// Move-only, and lending moves it into the Lent, so while transfers have the memory there is no
/// region to reach it by. Nothing but the destruction of the last region of a mapping unmaps it.
/// Used by one thread at a time; the parts of a mapping may be with different threads.
template <class Tag, DeviceAccess access>
class BELLPULL_FOLLOWED [[nodiscard]] Region {
 public:
  /// Where the memory is mapped.
  using DomainTag = Tag;
  /// What it is mapped for.
  static constexpr DeviceAccess kAccess = access;

  /// Holds no memory.
  BELLPULL_HOLDS_NOTHING Region() = default;
  /// Takes the memory over; `other` holds none afterwards.
  Region(Region&& other) noexcept = default;
  /// Gives up the memory that it holds as the destructor does, then takes over that of `other`.
  Region& operator=(Region&& other) noexcept = default;
  /// Unmaps, if this is the last part of its mapping. That takes the lock of the table.
  ~Region() = default;

  /// Whether it holds memory.
  explicit operator bool() const noexcept { return static_cast<bool>(part_); }

  /// The memory; empty if it holds none. Do not keep the span when you lend the region: nothing
  /// takes it back from you.
  BELLPULL_UNLESS_GONE [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return part_.bytes();
  }

  /// Lends all of it to `transfers` transfers that bear this token: from now on the memory is
  /// theirs, until the last of them completed (0 is taken as 1). A chain that is submitted at once
  /// is lent its memory once. An empty region lends nothing. Allocates nothing, takes no lock.
  [[nodiscard]] Lent<Tag, access> lend(std::uint64_t token,
                                       std::uint32_t transfers = 1) && noexcept {
    return Lent<Tag, access>(detail::Loan(std::move(part_), token, transfers));
  }
  /// Say std::move(region).lend(token): the region does not hold the memory afterwards.
  Lent<Tag, access> lend(std::uint64_t token, std::uint32_t transfers = 1) & = delete;

  /// The first `at` bytes, and the others, as regions of the same mapping. One of them is empty if
  /// there are not as many or `at` is 0. Allocates nothing, takes no lock.
  [[nodiscard]] std::pair<Region, Region> split(std::size_t at) && noexcept {
    if (at == 0) return {Region{}, Region(std::move(part_))};
    if (at >= part_.bytes().size()) return {Region(std::move(part_)), Region{}};
    detail::Part rest = part_.split(at);
    return {Region(std::move(part_)), Region(std::move(rest))};
  }

 private:
  friend class Lent<Tag, access>;
  friend class DomainOf<Tag>;

  explicit Region(detail::Part&& part) noexcept : part_(std::move(part)) {}

  detail::Part part_;
};

/// A type that stands for a domain, and knows its name.
template <class T>
concept NamesDomain = requires {
  { T::kName } -> std::convertible_to<std::string_view>;
};

/// A domain that is known when the program is compiled. As names are unique in a table, so is the
/// domain of a tag: memory of one cannot be taken for memory of another.
template <class Tag>
class DomainOf {
  static_assert(NamesDomain<Tag>, "a domain's tag is a type with a static member kName, its name");

 public:
  /// The domain `Tag::kName` among those of `table`, which outlives it. Throws
  /// std::invalid_argument when there is one already. Any thread.
  explicit DomainOf(MappingTable& table) : domain_(table, Tag::kName) {}

  /// Maps client memory for `access`, until the last region of it is destroyed. The memory is the
  /// caller's, stays valid for so long, and is reached through the region only. Refuses bytes of
  /// which some are mapped already, in whatever domain, and ranges that are empty or wrap. Takes
  /// the lock of the table and allocates; throws std::bad_alloc. Any thread.
  template <DeviceAccess access>
  Mapped<Region<Tag, access>> map(std::span<std::byte> bytes) {
    MapRefusal refusal;
    detail::Part part = domain_.map(bytes, access, refusal);
    return {Region<Tag, access>(std::move(part)), std::move(refusal)};
  }

  /// The same domain as a value, for statistics and for an AnyRegion.
  [[nodiscard]] Domain& domain() noexcept { return domain_; }
  /// The same, for statistics.
  [[nodiscard]] const Domain& domain() const noexcept { return domain_; }

 private:
  Domain domain_;
};

}  // namespace bellpull::engine

#undef BELLPULL_FOLLOWED
#undef BELLPULL_HOLDS_NOTHING
#undef BELLPULL_UNLESS_GONE
