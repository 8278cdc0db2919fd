// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bellpull/engine/any_request.hpp"
#include "bellpull/engine/domain.hpp"
#include "bellpull/engine/graph_node.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/typed_channel.hpp"
#include "bellpull/engine/typed_request.hpp"

namespace bellpull::engine {

/// How large a TransferGraph can become. All of it is allocated at once.
struct GraphLimits {
  std::string name = "transfer graph";  ///< for messages
  std::uint32_t nodes = 64;             ///< 1 to 65535
  std::uint32_t parents = 128;          ///< of all nodes together
  std::uint32_t segments = 256;         ///< of both lists of all nodes together
  std::uint32_t channels = 4;           ///< 1 to 65535; those that were forgotten count
};

/// Transfers that depend on each other, on one channel or on several, of whichever engines. A node
/// is one transfer; it begins when all its parents ended well. When one did not, the node and all
/// that descend from it end as not_attempted, with the cause; the others go on.
///
/// (The kernel's async_tx calls a parent `depend_tx`, the whole a dependency chain, and lets the
/// completion of the parent start the child whatever became of the parent. In this library a
/// *chain* is the descriptors of one transfer and nothing else.)
///
/// It is a client of its channels as any other: the owner goes on polling them, and hands each
/// completion to take(), which knows its own by channel and cookie. Tokens are the client's alone.
/// Only advance() submits, so only on the owner's thread, and in no completion. Nodes whose parents
/// are on the same channel are submitted together with them, behind fences.
///
/// One owner thread, the one that made it, which owns its channels too, calls everything. Nothing
/// blocks; nothing allocates after construction. Channels and domains outlive it, but for those
/// that are forgotten. Destroying it stops no transfer: wait for over(), or end them, before.
class TransferGraph {
 public:
  /// Allocates everything. Throws std::invalid_argument for a limit out of range.
  explicit TransferGraph(GraphLimits limits);
  TransferGraph(const TransferGraph&) = delete;
  TransferGraph& operator=(const TransferGraph&) = delete;
  ~TransferGraph() = default;

  /// Adds a channel, whose device works in `domain`. The same again is the same channel. Throws
  /// std::invalid_argument when there are too many, or it was added with another domain.
  ChannelId use(OperationChannel& channel, const Domain& domain);
  /// The same for a channel whose domain has a type.
  template <class Tag>
  ChannelOf<Tag> use(const TypedChannel<Tag>& channel) {
    return {use(channel.channel(), channel.domain())};
  }

  /// The channel is gone, or will be: nothing is submitted to it any more and the pointer to it is
  /// not used again. What was not submitted to it ends as not_attempted. What was, and did not come
  /// to take(), ends as aborted: to hear how it ended, stop() and poll the channel before.
  void forget(ChannelId channel) noexcept;

  /// Declares a transfer of `operation` on `channel` that begins when all `parents` ended well. It
  /// has no memory yet, so it can be asked who runs it before anything is mapped. Possible until
  /// clear(), also while others run.
  Added<NodeId> add(ChannelId channel, Operation operation,
                    std::span<const NodeId> parents = {}) noexcept;
  /// The same.
  Added<NodeId> add(ChannelId channel, Operation operation,
                    std::initializer_list<NodeId> parents) noexcept {
    return add(channel, operation, std::span(parents.begin(), parents.size()));
  }
  /// The same for a domain that has a type.
  template <class Tag>
  Added<NodeOf<Tag>> add(ChannelOf<Tag> channel, Operation operation,
                         std::span<const NodeId> parents = {}) noexcept {
    const Added<NodeId> added = add(ChannelId(channel), operation, parents);
    return {{added.node}, added.error};
  }
  /// The same.
  template <class Tag>
  Added<NodeOf<Tag>> add(ChannelOf<Tag> channel, Operation operation,
                         std::initializer_list<NodeId> parents) noexcept {
    return add(channel, operation, std::span(parents.begin(), parents.size()));
  }

  /// Gives a node its memory, which is lent from now on, and with it what else the request says. A
  /// node waits for its memory as for a parent: memory that is mapped for one domain after the
  /// other is given to the second node when the first one ended. Once per node.
  template <class Tag, std::size_t kSegments>
  [[nodiscard]] GraphError bind(NodeOf<Tag> node,
                                const TypedRequest<Tag, kSegments>& request) noexcept {
    return bind_checked(node, request.request(), nullptr,
                        request.fits() ? GraphError::none : GraphError::too_many_segments);
  }
  /// The same where the domain is a value; refuses a request for another one.
  template <std::size_t kSegments>
  [[nodiscard]] GraphError bind(NodeId node, const AnyRequest<kSegments>& request) noexcept {
    const GraphError reason = request.error() != MappingError::none ? GraphError::memory_refused
                                                                    : GraphError::too_many_segments;
    return bind_checked(node, request.request(), &request.domain(),
                        request.fits() ? GraphError::none : reason);
  }

  /// Who will run the node.
  [[nodiscard]] RunsOn runs_on(NodeId node) const noexcept;
  /// The channel that runs all nodes, so that the whole is submitted at once; null when there are
  /// several, or no nodes. Found by looking: no back-end can claim it.
  [[nodiscard]] OperationChannel* only_channel() const noexcept;
  /// The domain of all nodes, so that memory is mapped once for the whole; null when there are
  /// several, or no nodes.
  [[nodiscard]] const Domain* only_domain() const noexcept;

  /// Submits and issues every node that may begin and for which its channel has slots; what has to
  /// wait for slots is tried again by the next call. Ends the nodes that never will begin. The only
  /// call that submits: make it after add() and bind(), and after each round of polling, but not
  /// inside of a push sink. Issues what others submitted on those channels as well. Looks at each
  /// node that waits, so a graph is for hundreds of nodes rather than for thousands.
  Advanced advance() noexcept;

  /// Whether a completion that was polled from `channel` is that of a node; it is counted then, and
  /// poll() will say so. Otherwise it is another user's. To be called for each completion of the
  /// channels, once, in the order of poll(). Submits nothing.
  bool take(const OperationChannel& channel, const OperationCompletion& completion) noexcept;

  /// The ends of at most ends.size() nodes, in the order of their declaration, and returns how
  /// many: each node once, and in the same order whoever ran it.
  unsigned poll(std::span<NodeEnd> ends) noexcept;

  /// Whether every node has ended.
  [[nodiscard]] bool over() const noexcept { return ended_ == count_; }
  /// Transfers that were submitted to `channel` and did not end yet. Do not reset() the channel
  /// before it is 0: fences would forget the failure that children wait behind.
  [[nodiscard]] std::uint32_t under_way(ChannelId channel) const noexcept;

  /// Ends all nodes that were not submitted as not_attempted.
  void give_up() noexcept;
  /// Forgets all nodes, for new ones; channels stay. False, and nothing is changed, when poll() has
  /// not said of every node how it ended.
  bool clear() noexcept;

 private:
  enum class Stage : std::uint8_t {
    waiting,    ///< for parents, memory or slots
    under_way,  ///< its channel has it
    ended,      ///< to be reported, or reported
  };
  struct Node {
    OperationRequest request{};  // its segments are in segments_
    NodeEnd end{};
    std::uint64_t sent_in = 0;  // the advance() that submitted it
    std::uint32_t parents = 0;  // where they begin in parents_
    std::uint32_t parents_end = 0;
    std::uint32_t channel = 0;
    std::uint32_t next = 0;  // of those under way on the channel
    Stage stage = Stage::waiting;
    bool bound = false;
    bool leans = false;    // submitted behind a fence, with parents
    bool bounced = false;  // a fence stopped it for the failure of one that is no parent
  };
  struct User {
    OperationChannel* channel = nullptr;  // null: forgotten
    const Domain* domain = nullptr;
    std::uint32_t first = 0;  // of those under way, in the order of their cookies
    std::uint32_t last = 0;
    std::uint32_t under_way = 0;
    bool full = false;
    bool issues = false;
  };
  struct ParentState {
    bool waits = false;  // one of them has not ended
    bool leans = false;  // and those that have not were submitted to the same channel just now
    Cause failed{};
  };

  [[nodiscard]] bool knows(NodeId node) const noexcept;
  [[nodiscard]] bool knows(ChannelId channel) const noexcept;
  [[nodiscard]] GraphError bind_checked(NodeId id, const OperationRequest& request,
                                        const Domain* domain, GraphError unfit) noexcept;
  [[nodiscard]] ParentState look_at_parents(const Node& node) const noexcept;
  [[nodiscard]] Cause cause_of(const User& user, Cookie cookie) const noexcept;
  void try_to_begin(Node& node, Advanced& result) noexcept;
  void submit(Node& node, bool leans, Advanced& result) noexcept;
  void begin_anew(Node& node) noexcept;
  void end(Node& node, const OperationCompletion& completion, const Cause& cause) noexcept;
  void not_attempted(Node& node, const Cause& cause) noexcept;

  const std::string name_;
  const std::thread::id owner_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> parents_;
  std::vector<Segment> segments_;
  std::vector<User> users_;
  std::uint32_t count_ = 0;  // nodes
  std::uint32_t parents_count_ = 0;
  std::uint32_t segments_count_ = 0;
  std::uint32_t users_count_ = 0;
  std::uint32_t open_ = 0;      // no node before this one waits
  std::uint32_t ended_ = 0;     // nodes
  std::uint32_t reported_ = 0;  // nodes, by poll()
  std::uint32_t round_ = 0;
  std::uint64_t call_ = 0;
  bool due_ = false;  // an advance() may find something
};

}  // namespace bellpull::engine
