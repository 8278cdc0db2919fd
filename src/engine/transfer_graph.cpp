// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/transfer_graph.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace bellpull::engine {

namespace {

constexpr std::uint32_t kMost = 65535;

}  // namespace

TransferGraph::TransferGraph(GraphLimits limits)
    : name_(std::move(limits.name)), owner_(std::this_thread::get_id()) {
  if (limits.nodes == 0 || limits.nodes > kMost || limits.channels == 0 ||
      limits.channels > kMost) {
    throw std::invalid_argument("make transfer graph '" + name_ + "' of " +
                                std::to_string(limits.nodes) + " nodes on " +
                                std::to_string(limits.channels) + " channels: 1 to " +
                                std::to_string(kMost) + " of each are possible");
  }
  nodes_.resize(limits.nodes);
  parents_.resize(limits.parents);
  segments_.resize(limits.segments);
  users_.resize(limits.channels);
}

ChannelId TransferGraph::use(OperationChannel& channel, const Domain& domain) {
  const std::string tried = "use a channel in transfer graph '" + name_ + "': ";
  for (std::uint32_t i = 0; i < users_count_; ++i) {
    if (users_[i].channel != &channel) continue;
    if (users_[i].domain == &domain) return {this, i};
    throw std::invalid_argument(tried + "its device works in '" + users_[i].domain->name() +
                                "' already, and cannot work in '" + domain.name() +
                                "' as well; name one of them");
  }
  if (users_count_ == users_.size()) {
    throw std::invalid_argument(tried + "there are " + std::to_string(users_.size()) +
                                " already, those that were forgotten too; make a graph with more "
                                "GraphLimits::channels");
  }
  users_[users_count_] = {.channel = &channel, .domain = &domain};
  return {this, users_count_++};
}

void TransferGraph::forget(ChannelId channel) noexcept {
  if (!knows(channel)) return;
  User& user = users_[channel.index];
  for (std::uint32_t i = 0; i < count_; ++i) {
    Node& node = nodes_[i];
    if (node.channel != channel.index || node.stage == Stage::ended) continue;
    if (node.stage == Stage::waiting) {
      not_attempted(node, look_at_parents(node).failed);
    } else {
      OperationCompletion lost = node.end.completion;
      lost.status = Status::aborted;
      end(node, lost, {});
    }
  }
  user = {.domain = user.domain};
}

Added<NodeId> TransferGraph::add(ChannelId channel, Operation operation,
                                 std::span<const NodeId> parents) noexcept {
  if (!knows(channel)) return {{}, GraphError::channel_unknown};
  const OperationChannel& target = *users_[channel.index].channel;
  if (!target.capabilities().operations.contains(operation)) {
    return {{}, GraphError::operation_not_supported};
  }
  if (count_ == nodes_.size()) return {{}, GraphError::too_many_nodes};
  for (const NodeId parent : parents) {
    if (!knows(parent)) return {{}, GraphError::parent_not_declared};
  }
  if (parents.size() > parents_.size() - parents_count_) return {{}, GraphError::too_many_parents};
  Node& node = nodes_[count_];
  node = {};
  node.end.node = {this, count_, round_};
  node.request.operation = operation;
  node.channel = channel.index;
  node.parents = parents_count_;
  for (const NodeId parent : parents) parents_[parents_count_++] = parent.index;
  node.parents_end = parents_count_;
  ++count_;
  due_ = true;
  return {node.end.node, GraphError::none};
}

GraphError TransferGraph::bind_checked(NodeId id, const OperationRequest& request,
                                       const Domain* domain, GraphError unfit) noexcept {
  if (!knows(id)) return GraphError::node_unknown;
  Node& node = nodes_[id.index];
  if (node.stage == Stage::ended) return GraphError::node_over;
  if (node.bound) return GraphError::has_memory;
  if (request.operation != node.request.operation) return GraphError::other_operation;
  if (domain != nullptr && domain != users_[node.channel].domain) return GraphError::wrong_domain;
  if (unfit != GraphError::none) return unfit;
  const std::size_t needed = request.source.size() + request.destination.size();
  if (needed > segments_.size() - segments_count_) return GraphError::too_many_segments;
  const auto keep = [this](std::span<const Segment> list) noexcept {
    const std::span<Segment> kept = std::span(segments_).subspan(segments_count_, list.size());
    std::copy(list.begin(), list.end(), kept.begin());
    segments_count_ += static_cast<std::uint32_t>(list.size());
    return kept;
  };
  node.request = request;
  node.request.source = keep(request.source);
  node.request.destination = keep(request.destination);
  node.end.completion.token = request.token;
  node.bound = true;
  due_ = true;
  return GraphError::none;
}

RunsOn TransferGraph::runs_on(NodeId node) const noexcept {
  if (!knows(node)) return {};
  const User& user = users_[nodes_[node.index].channel];
  return {user.channel, user.domain};
}

OperationChannel* TransferGraph::only_channel() const noexcept {
  for (std::uint32_t i = 1; i < count_; ++i) {
    if (nodes_[i].channel != nodes_[0].channel) return nullptr;
  }
  return count_ != 0 ? users_[nodes_[0].channel].channel : nullptr;
}

const Domain* TransferGraph::only_domain() const noexcept {
  const Domain* const first = count_ != 0 ? users_[nodes_[0].channel].domain : nullptr;
  for (std::uint32_t i = 1; i < count_; ++i) {
    if (users_[nodes_[i].channel].domain != first) return nullptr;
  }
  return first;
}

std::uint32_t TransferGraph::under_way(ChannelId channel) const noexcept {
  return knows(channel) ? users_[channel.index].under_way : 0;
}

bool TransferGraph::knows(NodeId node) const noexcept {
  return node.graph == this && node.round == round_ && node.index < count_;
}

bool TransferGraph::knows(ChannelId channel) const noexcept {
  return channel.graph == this && channel.index < users_count_ &&
         users_[channel.index].channel != nullptr;
}

}  // namespace bellpull::engine
