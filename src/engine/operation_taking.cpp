// SPDX-License-Identifier: BSD-2-Clause
// From the ring to transfers: chains are taken, and become what the back-end will be given.
#include <algorithm>

#include "operation_device.hpp"

namespace bellpull::engine {

namespace {

// Both lists are equally long where there are two.
[[nodiscard]] std::uint64_t length_of(Operation operation, const ring::Chain& chain) noexcept {
  if (writes_destination(operation)) return chain.writable_bytes;
  return has_destination(operation) ? chain.readable_bytes / 2 : chain.readable_bytes;
}

}  // namespace

// Takes up to `room` chains; false when there was no place for one.
bool OperationDevice::take_some(unsigned room) noexcept {
  const std::uint64_t to_wrap = mask_ + 1 - (taken_ & mask_);
  const auto most = static_cast<unsigned>(std::min<std::uint64_t>({room, kBatch, to_wrap, size()}));
  const std::size_t contiguous = contiguous_pieces();
  if (contiguous < per_chain_) return false;
  ring::Budget budget{.chains = most};
  std::uint32_t count = 0;
  const std::span<Segment> pieces = std::span(pieces_).subspan(pieces_end_, contiguous);
  const std::span<ring::Chain> chains = std::span(chains_).subspan(taken_ & mask_, most);
  queue_.with([&](auto& ring) noexcept { (void)ring.take(budget, pieces, chains, count); });
  accept(count);
  return count != 0;
}

// Pieces that lie together and are free. They are given out and taken back in order.
std::size_t OperationDevice::contiguous_pieces() noexcept {
  if (oldest_ == taken_) {
    pieces_begin_ = pieces_end_ = 0;
    pieces_wrapped_ = false;
  }
  if (!pieces_wrapped_) {
    const std::size_t rest = pieces_.size() - pieces_end_;
    if (rest >= per_chain_) return rest;
    pieces_end_ = 0;
    pieces_wrapped_ = true;
  }
  return pieces_begin_ - pieces_end_;
}

// The chains that were just taken become transfers. Nearly all are copies without any wish.
void OperationDevice::accept(std::uint32_t count) noexcept {
  const std::uint64_t place = taken_ & mask_;
  const std::uint32_t first_piece = pieces_end_;
  const RequestRecord* const requests = requests_;
  const Segment* const pieces = pieces_.data() + first_piece;
  const std::uint64_t longest = capabilities_.max_length;
  const bool pulled = sink_.push == nullptr;
  for (std::uint32_t i = 0; i < count; ++i) {
    const ring::Chain& chain = chains_[place + i];
    const std::uint64_t id = new_id(place + i);
    if (chain.readable == 1 && chain.writable == 1 && is_plain_copy(requests[chain.head]) &&
        chain.writable_bytes <= longest) [[likely]] {
      const Segment* const pair = pieces + chain.first;
      ops_[place + i] = {.id = id,
                         .source = {pair, 1},
                         .destination = {pair + 1, 1},
                         .operation = Operation::copy,
                         .pattern_bytes = 1};
      transfers_[place + i] = {.id = id,
                               .length = chain.writable_bytes,
                               .pieces_end = first_piece + chain.first + 2,
                               .head = chain.head,
                               .plain = pulled};
    } else {
      accept_any(place + i, id, first_piece + chain.first);
    }
  }
  if (count != 0) pieces_end_ = transfers_[place + count - 1].pieces_end;
  taken_ += count;
}

void OperationDevice::accept_any(std::uint64_t place, std::uint64_t id,
                                 std::uint32_t first_piece) noexcept {
  const ring::Chain& chain = chains_[place];
  const RequestRecord& record = requests_[chain.head];
  const Segment* const pieces = pieces_.data() + first_piece;
  const std::uint32_t count = chain.readable + chain.writable;
  const std::uint32_t sources = std::min<std::uint32_t>(record.sources, count);
  Op& op = ops_[place];
  op = {.id = id,
        .source = {pieces, sources},
        .destination = {pieces + sources, count - sources},
        .pattern = record.pattern,
        .seed = record.seed,
        .burst = record.burst,
        .operation = static_cast<Operation>(record.operation),
        .pattern_bytes = record.pattern_bytes,
        .external_control = (record.flags & RequestRecord::kExternalControl) != 0};
  const std::uint64_t length = length_of(op.operation, chain);
  transfers_[place] = {.id = id,
                       .length = length,
                       .pieces_end = first_piece + count,
                       .head = chain.head,
                       .fence = (record.flags & RequestRecord::kFence) != 0,
                       .parts = !parts_.fits(op, length),
                       .plain = sink_.push == nullptr && plain_length(op.operation, length) != 0};
}

}  // namespace bellpull::engine
