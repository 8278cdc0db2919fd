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

constexpr unsigned kSettle = 64;

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
