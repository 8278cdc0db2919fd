// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "bellpull/engine/device_access.hpp"
#include "bellpull/engine/mapping.hpp"
#include "bellpull/engine/mapping_error.hpp"

namespace bellpull::engine {

/// Why memory was not mapped, and what is in its way.
struct MapRefusal {
  MappingError error = MappingError::none;  ///< none: it was mapped
  std::string domain{};                     ///< the one it was to be mapped in
  std::uintptr_t address = 0;               ///< of the range that was to be mapped
  std::size_t length = 0;                   ///< bytes of that range
  std::string holder{};                     ///< domain of the mapping that is in the way, if one is
  std::uintptr_t held_address = 0;          ///< of that mapping
  std::size_t held_length = 0;              ///< bytes of that mapping
  std::uint32_t lent_parts = 0;             ///< how many parts of that mapping transfers have
};

/// What was tried, on which memory, what is in the way and what to do: a sentence for people.
[[nodiscard]] std::string describe(const MapRefusal& refusal);

namespace detail {
/// An address and a length in words, for messages.
[[nodiscard]] std::string range_text(std::uintptr_t address, std::size_t length);
}  // namespace detail

/// Which bytes are mapped, and in which domain: the one place that sees all domains, so that no
/// byte belongs to the devices of two. It is asked when memory is mapped and unmapped, under a lock
/// and in logarithmic time; transfers never ask it.
///
/// A byte belongs to the devices of a domain from map to unmap, not only while a transfer has it: a
/// device, or whatever translates its addresses, may keep what it knows of the memory until then.
/// So no byte is in two mappings, whether transfers are under way or not.
///
/// Made before the domains that share it, destroyed after them and after all that was mapped in
/// them. Any thread.
class MappingTable {
 public:
  /// Nothing is mapped.
  MappingTable() = default;
  MappingTable(const MappingTable&) = delete;
  MappingTable& operator=(const MappingTable&) = delete;

  /// Mappings that there are now, in all domains. Any thread.
  [[nodiscard]] std::size_t size() const;

 private:
  friend class Domain;
  friend class detail::Part;

  detail::DomainRecord& open_domain(std::string_view name);
  void close_domain(detail::DomainRecord& domain) noexcept;
  detail::Part map(detail::DomainRecord& domain, std::span<std::byte> bytes, DeviceAccess access,
                   MapRefusal& refusal);
  void unmap(detail::Mapping& mapping) noexcept;
  void forget_if_unused(detail::DomainRecord& domain) noexcept;
  void abandon(detail::Mapping& mapping) noexcept;
  // A mapping that has one of the bytes, or null.
  [[nodiscard]] const detail::Mapping* find(std::uintptr_t first, std::uintptr_t last) const;

  mutable std::mutex mutex_;
  std::list<detail::DomainRecord> domains_;
  std::map<std::uintptr_t, detail::Mapping> mappings_;  // by first byte; none overlaps another
};

}  // namespace bellpull::engine
