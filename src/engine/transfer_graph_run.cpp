// SPDX-License-Identifier: BSD-2-Clause
// How a graph runs: what begins, what comes back, what never begins.
#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "bellpull/engine/transfer_graph.hpp"

namespace bellpull::engine {

namespace {

// Of several causes the one that was declared first, so that it is the same whoever ran what.
[[nodiscard]] std::uint32_t rank(const Cause& cause) noexcept {
  const bool is_node = cause.node.graph != nullptr;
  return is_node ? cause.node.index : std::numeric_limits<std::uint32_t>::max();
}

}  // namespace

Advanced TransferGraph::advance() noexcept {
  if (std::this_thread::get_id() != owner_) return {.wrong_thread = true};
  if (!due_) return {};
  due_ = false;
  ++call_;
  Advanced result;
  // Parents come before their children: what becomes of one is seen by all that descend from it.
  for (std::uint32_t i = open_; i < count_; ++i) {
    if (nodes_[i].stage == Stage::waiting) try_to_begin(nodes_[i], result);
  }
  while (open_ < count_ && nodes_[open_].stage != Stage::waiting) ++open_;
  for (User& user : std::span(users_).first(users_count_)) {
    if (user.issues) user.channel->issue();
    due_ = due_ || user.full;
    user.issues = user.full = false;
  }
  return result;
}

void TransferGraph::try_to_begin(Node& node, Advanced& result) noexcept {
  const ParentState parents = look_at_parents(node);
  if (parents.waits) return;
  if (parents.failed) {
    not_attempted(node, parents.failed);
    ++result.ended;
  } else if (node.bound) {
    submit(node, parents.leans, result);
  }
}

// A child may lean on the order of the channel for as long as nobody else can have had a say in
// it: with parents of an earlier call, terminate() may have ended them and spare the child.
TransferGraph::ParentState TransferGraph::look_at_parents(const Node& node) const noexcept {
  ParentState state;
  for (std::uint32_t i = node.parents; i != node.parents_end; ++i) {
    const Node& parent = nodes_[parents_[i]];
    if (parent.stage != Stage::ended) {
      const bool just_before = parent.stage == Stage::under_way && parent.sent_in == call_;
      if (just_before && parent.channel == node.channel && !node.bounced) {
        state.leans = true;
      } else {
        state.waits = true;
      }
    } else if (parent.end.completion.status != Status::ok) {
      Cause cause = parent.end.cause;
      if (!cause) {
        cause = {parent.end.node, users_[parent.channel].channel, parent.end.completion.cookie};
      }
      if (!state.failed || rank(cause) < rank(state.failed)) state.failed = cause;
    }
  }
  // The cause is to be the same whoever ends first.
  if (state.leans && state.failed) state.waits = true;
  return state;
}

void TransferGraph::submit(Node& node, bool leans, Advanced& result) noexcept {
  User& user = users_[node.channel];
  if (user.full) return;  // those behind must not take its slots for ever
  node.request.fence = leans;
  PrepareResult prepared = user.channel->prepare({&node.request, 1});
  if (!prepared) {
    user.full = prepared.error.kind == PrepareError::Kind::would_block;
    // A refusal is the end of a node only if its parents ended well, which is not known yet.
    if (user.full || leans) return;
    const bool too_large = prepared.error.kind == PrepareError::Kind::too_large;
    node.end.refusal = prepared.error;
    OperationCompletion refused = node.end.completion;
    refused.status = Status::failed;
    refused.error = too_large ? E2BIG : EINVAL;
    end(node, refused, {});
    ++result.ended;
    return;
  }
  node.end.completion.cookie = user.channel->submit(std::move(prepared.prepared));
  node.stage = Stage::under_way;
  node.sent_in = call_;
  node.leans = leans;
  const std::uint32_t index = node.end.node.index;
  (user.under_way++ == 0 ? user.first : nodes_[user.last].next) = index;
  user.last = index;
  user.issues = true;
  ++result.submitted;
}

bool TransferGraph::take(const OperationChannel& channel,
                         const OperationCompletion& completion) noexcept {
  for (User& user : std::span(users_).first(users_count_)) {
    if (user.channel != &channel) continue;
    // They end in the order of their cookies, so it is the first one or none.
    if (user.under_way == 0) return false;
    Node& node = nodes_[user.first];
    if (node.end.completion.cookie != completion.cookie) return false;
    user.first = node.next;
    --user.under_way;
    due_ = true;
    Cause cause;
    if (completion.status == Status::not_attempted) {
      const ParentState parents = look_at_parents(node);
      cause = parents.failed;
      if (node.leans && completion.cause != 0 && (parents.waits || !cause)) {
        begin_anew(node);
        return true;
      }
      if (!cause && completion.cause != 0) cause = cause_of(user, completion.cause);
    }
    end(node, completion, cause);
    return true;
  }
  return false;
}

// A fence heeds all that was before it on the channel, a node nobody but its parents. Nothing has
// moved yet; this time it waits for its parents and needs no fence.
void TransferGraph::begin_anew(Node& node) noexcept {
  node.stage = Stage::waiting;
  node.leans = false;
  node.bounced = true;
  node.end.completion.cookie = 0;
  open_ = std::min(open_, node.end.node.index);
}

// A transfer of a channel, which may be one of the graph's.
Cause TransferGraph::cause_of(const User& user, Cookie cookie) const noexcept {
  for (const Node& node : std::span(nodes_).first(count_)) {
    if (users_[node.channel].channel == user.channel && node.end.completion.cookie == cookie) {
      return {node.end.node, user.channel, cookie};
    }
  }
  return {{}, user.channel, cookie};
}

unsigned TransferGraph::poll(std::span<NodeEnd> ends) noexcept {
  unsigned count = 0;
  while (count < ends.size() && reported_ < count_ && nodes_[reported_].stage == Stage::ended) {
    ends[count++] = nodes_[reported_++].end;
  }
  return count;
}

void TransferGraph::give_up() noexcept {
  for (std::uint32_t i = open_; i < count_; ++i) {
    Node& node = nodes_[i];
    if (node.stage == Stage::waiting) not_attempted(node, look_at_parents(node).failed);
  }
}

bool TransferGraph::clear() noexcept {
  if (reported_ != count_) return false;
  count_ = parents_count_ = segments_count_ = open_ = ended_ = reported_ = 0;
  due_ = false;
  ++round_;
  return true;
}

void TransferGraph::not_attempted(Node& node, const Cause& cause) noexcept {
  OperationCompletion never = node.end.completion;
  never.status = Status::not_attempted;
  never.cause = cause.cookie;
  end(node, never, cause);
}

void TransferGraph::end(Node& node, const OperationCompletion& completion,
                        const Cause& cause) noexcept {
  node.end.completion = completion;
  node.end.cause = cause;
  node.stage = Stage::ended;
  ++ended_;
  due_ = true;
}

}  // namespace bellpull::engine
