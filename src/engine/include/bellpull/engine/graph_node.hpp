// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/engine/domain.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/prepare.hpp"

namespace bellpull::engine {

class TransferGraph;

/// A channel that a TransferGraph uses. Given by use(); good until forget().
struct ChannelId {
  const TransferGraph* graph = nullptr;  ///< whose it is
  std::uint32_t index = 0;               ///< which
};

/// The same where the domain is known when the program is compiled.
template <class Tag>
struct ChannelOf : ChannelId {};

/// A node of a TransferGraph: one transfer. Given by add(); good until clear().
struct NodeId {
  const TransferGraph* graph = nullptr;  ///< whose it is; null: no node
  std::uint32_t index = 0;               ///< nodes are counted as they are declared
  std::uint32_t round = 0;               ///< how often clear() was called before
  /// Whether both name the same node.
  bool operator==(const NodeId&) const = default;
};

/// The same where the domain is known when the program is compiled.
template <class Tag>
struct NodeOf : NodeId {};

/// Why something was not declared. Nothing was changed when it is not `none`.
enum class GraphError : std::uint8_t {
  none,                     ///< it was done
  channel_unknown,          ///< not one of the graph's, or forgotten: it is gone
  operation_not_supported,  ///< the channel cannot do it
  parent_not_declared,      ///< not declared before its child in this graph: what keeps cycles out
  too_many_nodes,           ///< more than GraphLimits::nodes
  too_many_parents,         ///< more than GraphLimits::parents
  too_many_segments,        ///< more than GraphLimits::segments, or than the request has room for
  node_unknown,             ///< not one of the graph's, or of before clear()
  node_over,                ///< it has ended: a parent did not end well, or its channel is gone
  has_memory,               ///< it was given memory before
  other_operation,          ///< the request is for another operation than the node
  wrong_domain,             ///< the request is for another domain than the node's channel
  memory_refused,           ///< AnyRequest::error() says why
};

/// What was refused, why, and what to do, as a phrase for an error message. Never null.
[[nodiscard]] const char* describe(GraphError error) noexcept;

/// A node, or why there is none.
template <class Id>
struct [[nodiscard]] Added {
  Id node{};                            ///< no node when it was refused
  GraphError error = GraphError::none;  ///< the reason
  /// Whether it was declared.
  explicit operator bool() const noexcept { return error == GraphError::none; }
};

/// Which transfer is to blame.
struct Cause {
  NodeId node{};                              ///< its node, or none: somebody else's transfer
  const OperationChannel* channel = nullptr;  ///< where it ran; null when that was forgotten
  Cookie cookie = 0;                          ///< which there; 0: it was never submitted
  /// Whether there is something to blame.
  explicit operator bool() const noexcept { return node.graph != nullptr || channel != nullptr; }
};

/// How a node ended. With it its buffers belong to the client again, if it was given any.
struct NodeEnd {
  NodeId node{};                    ///< which
  OperationCompletion completion{}; /**< as the channel said it. Not submitted: cookie 0, and
                                         `failed` if `refusal` says why, else `not_attempted`; the
                                         token is that of bind(), or 0 */
  Cause cause{};           ///< not_attempted: the transfer that failed; of several parents that did
                           ///< not end well, that of which the node was declared first
  PrepareError refusal{};  ///< why prepare() refused it for good
};

/// Who will run a node.
struct RunsOn {
  OperationChannel* channel = nullptr;  ///< null: no such node, or the channel is gone
  const Domain* domain = nullptr;       ///< where that channel's device works
};

/// What a TransferGraph::advance() did.
struct Advanced {
  std::uint32_t submitted = 0;  ///< transfers, which were issued too
  std::uint32_t ended = 0;      ///< nodes that ended without being submitted
  bool wrong_thread = false;    ///< it was not called by the owner, and did nothing
};

}  // namespace bellpull::engine
