// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/mapping_table.hpp"

#include <charconv>
#include <limits>
#include <stdexcept>

namespace bellpull::engine {
namespace detail {

std::string range_text(std::uintptr_t address, std::size_t length) {
  char digits[2 * sizeof(address)];
  const auto end = std::to_chars(digits, digits + sizeof(digits), address, 16).ptr;
  return std::to_string(length) + " bytes at 0x" + std::string(digits, end);
}

}  // namespace detail

std::string describe(const MapRefusal& refusal) {
  std::string text = "domain '" + refusal.domain + "', " +
                     detail::range_text(refusal.address, refusal.length) + ": " +
                     describe(refusal.error);
  if (refusal.error == MappingError::owned_elsewhere ||
      refusal.error == MappingError::already_mapped) {
    text += " (in the way: " + detail::range_text(refusal.held_address, refusal.held_length) +
            " in domain '" + refusal.holder + "', of which transfers have " +
            std::to_string(refusal.lent_parts) + " parts)";
  }
  return text;
}

std::size_t MappingTable::size() const {
  const std::lock_guard lock(mutex_);
  return mappings_.size();
}

detail::DomainRecord& MappingTable::open_domain(std::string_view name) {
  if (name.empty()) {
    throw std::invalid_argument("open mapping domain: the name is empty; give it one");
  }
  const std::lock_guard lock(mutex_);
  for (const detail::DomainRecord& domain : domains_) {
    if (domain.name != name) continue;
    throw std::invalid_argument(
        "open mapping domain '" + std::string(name) + "': the table has a domain of this name " +
        (domain.open ? "already; use that one, or another name"
                     : "in which memory is still mapped; unmap it first, or use another name"));
  }
  return domains_.emplace_back(detail::DomainRecord{.name = std::string(name)});
}

void MappingTable::close_domain(detail::DomainRecord& domain) noexcept {
  const std::lock_guard lock(mutex_);
  domain.open = false;
  forget_if_unused(domain);
}

void MappingTable::forget_if_unused(detail::DomainRecord& domain) noexcept {
  if (domain.open || domain.maps != domain.unmaps) return;
  domains_.remove_if([&](const detail::DomainRecord& other) { return &other == &domain; });
}

const detail::Mapping* MappingTable::find(std::uintptr_t first, std::uintptr_t last) const {
  // As mappings do not overlap, only the last one to begin by `last` can have a byte of the range.
  auto after = mappings_.upper_bound(last);
  if (after == mappings_.begin()) return nullptr;
  const auto& [begin, mapping] = *std::prev(after);
  return begin + (mapping.bytes.size() - 1) >= first ? &mapping : nullptr;
}

detail::Part MappingTable::map(detail::DomainRecord& domain, std::span<std::byte> bytes,
                               DeviceAccess access, MapRefusal& refusal) {
  const auto first = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::lock_guard lock(mutex_);
  const auto refuse = [&](MappingError error) {
    refusal.domain = domain.name;
    refusal.address = first;
    refusal.length = bytes.size();
    refusal.error = error;
    ++domain.refused;
    return detail::Part{};
  };
  if (bytes.empty()) return refuse(MappingError::no_bytes);
  // By the last byte, not the end: a range may reach up to the very last address.
  if (bytes.size() - 1 > std::numeric_limits<std::uintptr_t>::max() - first) {
    return refuse(MappingError::wraps);
  }
  if (const detail::Mapping* other = find(first, first + (bytes.size() - 1))) {
    refusal.holder = other->domain.name;
    refusal.held_address = reinterpret_cast<std::uintptr_t>(other->bytes.data());
    refusal.held_length = other->bytes.size();
    refusal.lent_parts = other->lent.load(std::memory_order_relaxed);
    return refuse(&other->domain == &domain ? MappingError::already_mapped
                                            : MappingError::owned_elsewhere);
  }
  detail::Part part(mappings_.try_emplace(first, *this, domain, bytes, access).first->second);
  ++domain.maps;
  return part;
}

void MappingTable::unmap(detail::Mapping& mapping) noexcept {
  const std::lock_guard lock(mutex_);
  detail::DomainRecord& domain = mapping.domain;
  ++domain.unmaps;
  mappings_.erase(reinterpret_cast<std::uintptr_t>(mapping.bytes.data()));
  forget_if_unused(domain);
}

void MappingTable::abandon(detail::Mapping& mapping) noexcept {
  const std::lock_guard lock(mutex_);
  ++mapping.domain.abandoned;
}

namespace detail {

void Part::unmap() noexcept {
  mapping_->table.unmap(*mapping_);
}

void Part::abandon() noexcept {
  mapping_->table.abandon(*mapping_);
  mapping_ = nullptr;
  bytes_ = {};
}

}  // namespace detail
}  // namespace bellpull::engine
