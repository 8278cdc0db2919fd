// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/domain.hpp"

namespace bellpull::engine {

Domain::Domain(MappingTable& table, std::string_view name)
    : table_(table), record_(table.open_domain(name)) {}

Domain::~Domain() {
  table_.close_domain(record_);
}

DomainStats Domain::stats() const {
  const std::lock_guard lock(table_.mutex_);
  DomainStats stats{record_.maps, record_.unmaps, record_.refused, record_.abandoned, 0};
  for (const auto& [first, mapping] : table_.mappings_) {
    if (&mapping.domain == &record_) stats.lent += mapping.lent.load(std::memory_order_relaxed);
  }
  return stats;
}

}  // namespace bellpull::engine
