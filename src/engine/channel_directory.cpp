// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/channel_directory.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "declaration_check.hpp"
#include "directory_entry.hpp"
#include "shared_seat.hpp"

namespace bellpull::engine {

namespace {

constexpr std::size_t kNamed = 8;  // at most in a message
constexpr unsigned kSettle = 64;

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

ChannelDirectory::ChannelDirectory(const PoolOptions& pool) : pool_(pool) {
  check_sharing("make a channel directory", pool.submitters, pool.depth);
}

ChannelDirectory::~ChannelDirectory() = default;

void ChannelDirectory::add(const DeviceDeclaration& device) {
  check_declaration(device);
  Entries added;
  for (const ChannelDeclaration& channel : device.channels) {
    const auto has_name = [&channel](const auto& entry) {
      return entry->offer.name == channel.name;
    };
    if (entry_of(channel.name) != nullptr || std::any_of(added.begin(), added.end(), has_name)) {
      throw std::invalid_argument("declare device '" + device.name + "', channel '" + channel.name +
                                  "': there is a channel of that name; choose another");
    }
    added.push_back(
        std::make_unique<DirectoryEntry>(ChannelOffer{.name = channel.name,
                                                      .device = device.name,
                                                      .engine = device.engine,
                                                      .domain = device.domain,
                                                      .capabilities = declared(device, channel),
                                                      .exclusive = channel.exclusive},
                                         channel.make));
  }
  entries_.reserve(entries_.size() + added.size());
  std::move(added.begin(), added.end(), std::back_inserter(entries_));
}

void ChannelDirectory::wire(std::string client, std::string line, std::string channel) {
  std::string text = "wire line '" + line + "' of client '" + client + "' to channel '" + channel;
  const auto [wire, added] =
      wires_.try_emplace({std::move(client), std::move(line)}, std::move(channel));
  if (!added) {
    throw std::invalid_argument(text + "': it leads to channel '" + wire->second +
                                "' already; a line has one wire");
  }
}

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

Requested ChannelDirectory::request(const ChannelQuery& query, const LeaseOptions& options) {
  settle();
  Requested requested;
  DirectoryEntry* const entry = find_entry(query, requested.error);
  if (entry == nullptr) return requested;
  Engine& engine = *entry->offer.engine;
  entry->held.store(true, std::memory_order_relaxed);
  ChannelLease lease(*entry);  // gives it back when opening throws
  std::unique_ptr<Backend> backend = hold_to(entry->offer, entry->make());
  if (entry->offer.is_stream()) {
    lease.stream_ = engine.open_stream(options.stream, std::move(backend));
  } else {
    lease.operations_ = engine.open_operations(options.operations, std::move(backend));
  }
  entry->opened.add(1);
  requested.lease = std::move(lease);
  return requested;
}

Joined ChannelDirectory::join(OperationSet operations, const Notify& notify) {
  settle();
  Joined joined;
  DirectoryEntry* const entry = find_shared(operations, joined.error);
  if (entry == nullptr) return joined;
  if (entry->shared == nullptr) {
    auto channel = entry->offer.engine->open_operations(
        {.size = pool_.size, .notify = pool_.notify, .layout = pool_.layout},
        hold_to(entry->offer, entry->make()));
    entry->shared =
        std::make_unique<SharedChannel>(*channel, SharedOptions{.submitters = pool_.submitters,
                                                                .depth = pool_.depth,
                                                                .notify = pool_.notify});
    entry->channel = std::move(channel);
    entry->opened.add(1);
  }
  joined.submitter = entry->shared->join(notify);
  joined.offer = &entry->offer;
  return joined;
}

// Whoever left without being seen yet is not in the way.
void ChannelDirectory::settle() {
  (void)run_pool(kSettle);
}

SharedRun ChannelDirectory::run_pool(unsigned limit) {
  SharedRun total;
  for (const auto& entry : entries_) {
    if (entry->shared == nullptr) continue;
    const SharedRun run = entry->shared->run(limit);
    total.submitted += run.submitted;
    total.completed += run.completed;
    total.runnable = total.runnable || run.runnable;
    if (entry->shared->submitters() == 0) entry->stop_sharing();
  }
  return total;
}

Armed ChannelDirectory::arm_pool() noexcept {
  for (const auto& entry : entries_) {
    if (entry->shared == nullptr || entry->shared->arm() == Armed::armed) continue;
    disarm_pool();
    return Armed::work_pending;
  }
  return Armed::armed;
}

void ChannelDirectory::disarm_pool() noexcept {
  for (const auto& entry : entries_) {
    if (entry->shared != nullptr) entry->shared->disarm();
  }
}

DirectoryStats ChannelDirectory::stats() const noexcept {
  DirectoryStats stats;
  for (const auto& entry : entries_) {
    stats.opened += entry->opened.value();
    stats.closed += entry->closed.value();
  }
  return stats;
}

}  // namespace bellpull::engine
