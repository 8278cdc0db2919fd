// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/engine/channel_declaration.hpp"
#include "bellpull/engine/channel_lease.hpp"
#include "bellpull/engine/channel_query.hpp"
#include "bellpull/engine/engine.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/shared_channel.hpp"

namespace bellpull::engine {

/// How the channels that are shared are opened.
struct PoolOptions {
  std::uint32_t submitters = 8;             ///< users of each, 1 to 1024
  std::uint32_t depth = 64;                 ///< transfers each user can have in flight, 1 to 32768
  std::uint32_t size = 256;                 ///< slots of the ring; see OperationOptions
  QueueLayout layout = QueueLayout::split;  ///< of the ring
  Notify notify{};  ///< the bell of who calls run_pool(); may be rung on any thread
};

/// How a channel is opened for one client: what fits its kind is used.
struct LeaseOptions {
  OperationOptions operations{};  ///< if it works on memory
  StreamOptions stream{};         ///< if it is a stream
};

/// Answer of find() and plan(): a channel, or the reason.
struct [[nodiscard]] Found {
  const ChannelOffer* offer = nullptr;  ///< the directory's; null when there is an error
  FindError error{};                    ///< none when there is an offer
};

/// Answer of request(): a channel of one's own, or the reason.
struct [[nodiscard]] Requested {
  ChannelLease lease{};  ///< empty when there is an error
  FindError error{};     ///< none when there is a lease
};

/// Answer of join(): a place on a channel that is shared, or the reason.
struct [[nodiscard]] Joined {
  Submitter submitter{};                ///< empty when there is an error
  const ChannelOffer* offer = nullptr;  ///< where the place is; the directory's
  FindError error{};                    ///< none when there is a place
};

/// Statistics of a directory.
struct DirectoryStats {
  std::uint64_t opened = 0;  ///< times that a channel was
  std::uint64_t closed = 0;  ///< times that a channel was
};

/// Which channels there are and who has them. Made by main(), which declares devices and wires.
///
/// A channel is free, or one client has it for itself (request()), or several share it (join()).
/// All channels for memory that are not declared exclusive may be shared; one that somebody has for
/// himself is handed to nobody else until its lease is destroyed, and one that is shared can be
/// requested when its last user has left. Channels are opened by the first who asks and closed by
/// the last who leaves; nothing else blocks or allocates on their behalf.
///
/// All members are called on the owner's thread, which is also the owner of the channels that are
/// shared and of the driven engines; leases and submitters may be with other threads.
class ChannelDirectory {
 public:
  /// Knows no channel. Opens none. Throws std::invalid_argument for a number out of range.
  explicit ChannelDirectory(const PoolOptions& pool = {});
  ChannelDirectory(const ChannelDirectory&) = delete;
  ChannelDirectory& operator=(const ChannelDirectory&) = delete;
  /// Closes the channels that are shared. All leases and submitters are gone by then, the engines
  /// are not.
  ~ChannelDirectory();

  /// Makes the channels of a device known: all, or none when it throws. Throws
  /// std::invalid_argument for a declaration that is empty or contradicts itself: no name, engine,
  /// channel, back-end or operation; a name that is taken; operations of both kinds; segments,
  /// lengths or an alignment that cannot be; settings of a stream.
  void add(const DeviceDeclaration& device);

  /// Leads `line` of `client` to the channel of that name, which need not be known yet. Throws
  /// std::invalid_argument when the line leads to another one already.
  void wire(std::string client, std::string line, std::string channel);

  /// The channel that request() would give now. Opens nothing.
  [[nodiscard]] Found find(const ChannelQuery& query) const;

  /// Opens the channel for one client. Throws what Engine::open_operations() and open_stream()
  /// throw, what the back-end's maker throws, and std::invalid_argument for a back-end that cannot
  /// do what was declared; the channel is as free as before then. Blocks as opening does.
  Requested request(const ChannelQuery& query, const LeaseOptions& options = {});

  /// The channel, and with it the domain, on which join() would give a place now, to be asked
  /// before anything is mapped. Opens nothing.
  [[nodiscard]] Found plan(OperationSet operations) const;

  /// A place on a channel for memory that can do all of `operations`, on the one with the fewest
  /// users. `notify` is the user's bell, rung inside of run_pool(). The submitter may go to another
  /// thread. Throws and blocks as request() does.
  Joined join(OperationSet operations, const Notify& notify = {});

  /// SharedChannel::run() for all channels that are shared, each up to `limit`; closes those whose
  /// last user has left. Does not run driven engines. Blocks only where it closes.
  SharedRun run_pool(unsigned limit);

  /// SharedChannel::arm() for all channels that are shared.
  [[nodiscard]] Armed arm_pool() noexcept;

  /// Takes arm_pool() back.
  void disarm_pool() noexcept;

  /// Statistics.
  [[nodiscard]] DirectoryStats stats() const noexcept;

 private:
  using Entries = std::vector<std::unique_ptr<DirectoryEntry>>;

  [[nodiscard]] DirectoryEntry* find_entry(const ChannelQuery& query, FindError& error) const;
  [[nodiscard]] DirectoryEntry* find_named(const ChannelQuery& query, FindError& error) const;
  [[nodiscard]] DirectoryEntry* find_matching(const ChannelQuery& query, FindError& error) const;
  [[nodiscard]] DirectoryEntry* find_shared(OperationSet operations, FindError& error) const;
  [[nodiscard]] DirectoryEntry* entry_of(const std::string& channel) const noexcept;
  [[nodiscard]] std::string offered() const;
  void settle();

  const PoolOptions pool_;
  Entries entries_;  // in the order of their declaration
  std::map<std::pair<std::string, std::string>, std::string> wires_;
};

}  // namespace bellpull::engine
