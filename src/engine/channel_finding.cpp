// SPDX-License-Identifier: BSD-2-Clause
// Which channel of a directory answers a query, or why none does. Changes nothing.
#include <algorithm>
#include <string>
#include <vector>

#include "bellpull/engine/channel_directory.hpp"
#include "directory_entry.hpp"

namespace bellpull::engine {

namespace {

constexpr std::size_t kNamed = 8;  // at most in a message

template <class Names>
[[nodiscard]] std::string listed(const Names& entries) {
  std::string text;
  for (std::size_t i = 0; i < std::min(entries.size(), kNamed); ++i) {
    text += (i == 0 ? "'" : ", '") + entries[i]->offer.name + "'";
  }
  return entries.size() > kNamed ? text + " and others" : text;
}

[[nodiscard]] std::string use_of(const DirectoryEntry& entry) {
  if (entry.leased()) return "somebody has it exclusively";
  return std::to_string(entry.users()) + " share it";
}

}  // namespace

DirectoryEntry* ChannelDirectory::entry_of(const std::string& channel) const noexcept {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const auto& entry) { return entry->offer.name == channel; });
  return found == entries_.end() ? nullptr : found->get();
}

std::string ChannelDirectory::offered() const {
  return entries_.empty() ? "none is declared" : "there are " + listed(entries_);
}

DirectoryEntry* ChannelDirectory::find_named(const ChannelQuery& query, FindError& error) const {
  const std::string tried = "find " + query.describe() + ": ";
  std::string name = query.name_;
  std::string it = "it";
  if (query.way_ == ChannelQuery::Way::wire) {
    const auto wire = wires_.find({query.name_, query.line_});
    if (wire == wires_.end()) {
      error = {FindReason::unknown, tried + "no wire leads there; add one with wire()"};
      return nullptr;
    }
    name = wire->second;
    it = "the wire leads to '" + name + "', and it";
  }
  DirectoryEntry* const entry = entry_of(name);
  if (entry == nullptr) {
    error = {FindReason::unknown, tried + it + " was not declared; " + offered()};
  } else if (!entry->offer.capabilities.operations.contains(query.needed_)) {
    error = {FindReason::not_capable,
             tried + it + " cannot do all of the operations; choose another channel"};
  } else if (!entry->free()) {
    error = {FindReason::busy,
             tried + it + " is in use: " + use_of(*entry) + "; wait, or choose another channel"};
  } else {
    return entry;
  }
  return nullptr;
}

DirectoryEntry* ChannelDirectory::find_matching(const ChannelQuery& query, FindError& error) const {
  const std::string tried = "find " + query.describe() + ": ";
  std::vector<DirectoryEntry*> matching, capable, free;
  for (const auto& entry : entries_) {
    if (!query.wanted_ || !query.wanted_(entry->offer)) continue;
    matching.push_back(entry.get());
    if (!entry->offer.capabilities.operations.contains(query.needed_)) continue;
    capable.push_back(entry.get());
    if (entry->free()) free.push_back(entry.get());
  }
  if (matching.empty()) {
    error = {FindReason::unknown, tried + "none matches; " + offered()};
  } else if (capable.empty()) {
    error = {FindReason::not_capable, tried + listed(matching) +
                                          " cannot do all of the operations; ask for fewer, or "
                                          "declare a channel that can"};
  } else if (free.empty()) {
    error = {FindReason::busy, tried + listed(capable) + ": all in use; wait"};
  } else if (free.size() > 1 && query.choice_ == Choice::only) {
    error = {FindReason::ambiguous, tried + listed(free) +
                                        " match and are free; ask for one by name, or for any of "
                                        "them"};
  } else {
    return free.front();
  }
  return nullptr;
}

DirectoryEntry* ChannelDirectory::find_entry(const ChannelQuery& query, FindError& error) const {
  return query.way_ == ChannelQuery::Way::predicate ? find_matching(query, error)
                                                    : find_named(query, error);
}

DirectoryEntry* ChannelDirectory::find_shared(OperationSet operations, FindError& error) const {
  const std::string tried = "share a channel for memory: ";
  DirectoryEntry* best = nullptr;
  std::vector<DirectoryEntry*> shareable, capable;
  for (const auto& entry : entries_) {
    if (!entry->may_be_shared()) continue;
    shareable.push_back(entry.get());
    if (!entry->offer.capabilities.operations.contains(operations)) continue;
    capable.push_back(entry.get());
    if (entry->leased() || entry->users() >= pool_.submitters) continue;
    if (best == nullptr || entry->users() < best->users()) best = entry.get();
  }
  if (shareable.empty()) {
    error = {FindReason::unknown, tried + "none may be shared; " + offered()};
  } else if (capable.empty()) {
    error = {FindReason::not_capable, tried + listed(shareable) +
                                          " cannot do all of the operations; ask for fewer, or "
                                          "declare a channel that can"};
  } else if (best == nullptr) {
    error = {FindReason::busy, tried + listed(capable) +
                                   ": each has as many users as it takes, or is somebody's "
                                   "exclusively; wait"};
  }
  return best;
}

Found ChannelDirectory::find(const ChannelQuery& query) const {
  Found found;
  if (const DirectoryEntry* entry = find_entry(query, found.error)) found.offer = &entry->offer;
  return found;
}

Found ChannelDirectory::plan(OperationSet operations) const {
  Found found;
  if (const DirectoryEntry* entry = find_shared(operations, found.error)) {
    found.offer = &entry->offer;
  }
  return found;
}

}  // namespace bellpull::engine
