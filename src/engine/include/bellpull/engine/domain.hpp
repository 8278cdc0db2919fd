// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bellpull/engine/device_access.hpp"
#include "bellpull/engine/mapping.hpp"
#include "bellpull/engine/mapping_table.hpp"

namespace bellpull::engine {

class AnyRegion;
template <class Tag>
class DomainOf;

/// Statistics of a domain, a snapshot of one moment.
struct DomainStats {
  std::uint64_t maps = 0;       ///< mappings that were made
  std::uint64_t unmaps = 0;     ///< of these, ended
  std::uint64_t refused = 0;    ///< times that memory was not mapped
  std::uint64_t abandoned = 0;  ///< parts that were destroyed while a transfer had them; their
                                ///< mappings never end, as a device may still touch the bytes
  std::uint64_t lent = 0;       ///< parts that transfers have now
};

/// What one mapping is good for: all devices that see memory through the same translation, or
/// without any. Memory is mapped in a domain, not for a channel, so one mapping serves a chain of
/// transfers on any channels of the domain.
///
/// A value at run time; DomainOf gives it a type. May be destroyed before what is mapped in it.
class Domain {
 public:
  /// A domain of this name among those of `table`, which outlives it. Throws std::invalid_argument
  /// when the name is empty or is that of another domain of the table. Any thread.
  Domain(MappingTable& table, std::string_view name);
  Domain(const Domain&) = delete;
  Domain& operator=(const Domain&) = delete;
  /// What is mapped stays so, and the name in use until it is unmapped.
  ~Domain();

  /// As given. Any thread.
  [[nodiscard]] const std::string& name() const noexcept { return record_.name; }

  /// Statistics. Takes the table's lock, and time for each mapping. Any thread.
  [[nodiscard]] DomainStats stats() const;

 private:
  friend class AnyRegion;
  template <class Tag>
  friend class DomainOf;

  detail::Part map(std::span<std::byte> bytes, DeviceAccess access, MapRefusal& refusal) {
    return table_.map(record_, bytes, access, refusal);
  }

  MappingTable& table_;
  detail::DomainRecord& record_;
};

/// Answer of a map(): the region, or the reason.
template <class R>
struct [[nodiscard]] Mapped {
  R region;            ///< empty when it was refused
  MapRefusal refusal;  ///< its error is `none` when it was not
  /// Whether it was mapped.
  explicit operator bool() const noexcept { return refusal.error == MappingError::none; }
};

}  // namespace bellpull::engine
