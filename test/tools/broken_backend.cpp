// SPDX-License-Identifier: BSD-2-Clause
#include "broken_backend.hpp"

#include <algorithm>
#include <cstring>

namespace bellpull::test {

namespace {

using engine::Done;
using engine::Op;
using engine::Operation;
using engine::Reaped;
using engine::Segment;

// The bytes of the destination that a transfer writes and has to itself; compare only reads them.
[[nodiscard]] const Segment* longest_written(const Op& op) {
  if (!writes_destination(op.operation)) return nullptr;
  return &*std::max_element(op.destination.begin(), op.destination.end(),
                            [](const Segment& a, const Segment& b) { return a.length < b.length; });
}

}  // namespace

unsigned BrokenBackend::start(std::span<const Op> ops) noexcept {
  const unsigned count = inner_->start(ops);
  for (const Op& op : ops.first(count)) {
    Held held{.op = op, .number = started_++, .last = {}};
    if (writes_destination(op.operation)) {
      held.last = op.destination.back().data[op.destination.back().length - 1];
    }
    held_.emplace(op.id, held);
  }
  return count;
}

Reaped BrokenBackend::reap(std::span<Done> done) noexcept {
  if (dead_) return {};
  if (again_) {
    done[0] = *again_;
    again_.reset();
    return {1, false};
  }
  const Reaped reaped = inner_->reap(done.first(std::min<std::size_t>(1, done.size())));
  if (reaped.count == 0) return reaped;
  const auto found = held_.find(done[0].id);
  if (!log_.broken && found->second.number >= 20 && spoil(found->second, done[0])) {
    log_.broken = found->second.number;
  }
  held_.erase(found);
  return dead_ ? Reaped{} : reaped;
}

// False when this is no transfer to be broken in that way.
bool BrokenBackend::spoil(const Held& held, Done& done) {
  const Op& op = held.op;
  const Segment* const written = longest_written(op);
  const bool compares = op.operation == Operation::compare;
  switch (breakage_) {
    case Breakage::drops_last_byte: {
      if (written == nullptr) return false;
      std::byte& last = op.destination.back().data[op.destination.back().length - 1];
      if (last == held.last) return false;
      last = held.last;
      return true;
    }
    case Breakage::corrupts_byte:
      if (written == nullptr) return false;
      written->data[written->length / 2] ^= std::byte{1};
      return true;
    case Breakage::writes_past_end:
      if (written == nullptr) return false;
      written->data[written->length] ^= std::byte{0x80};
      return true;
    case Breakage::writes_before_begin:
      if (written == nullptr) return false;
      *(written->data - 1) ^= std::byte{0x80};
      return true;
    case Breakage::forgets_segment:
      // The bytes of the first one end up in the second.
      if (written == nullptr || op.destination.size() < 2 || op.destination[1].length < 16 ||
          op.destination[0].length < 16 || op.operation == Operation::fill) {
        return false;
      }
      std::memcpy(op.destination[1].data, op.destination[0].data, 16);
      return true;
    case Breakage::shifts_by_32:
      if (written == nullptr || written->length < 96 || op.operation == Operation::fill) {
        return false;
      }
      std::memmove(written->data, written->data + 32, written->length - 32);
      return true;
    case Breakage::changes_source:
      if (op.source.empty()) return false;
      op.source.back().data[0] ^= std::byte{4};
      return true;
    case Breakage::wrong_checksum:
      if (!makes_checksum(op.operation)) return false;
      done.value ^= 0x10;
      return true;
    case Breakage::says_equal:
      if (!compares || done.value == 0) return false;
      done.bytes = 0;
      for (const Segment& segment : op.source) done.bytes += segment.length;
      done.value = 0;
      return true;
    case Breakage::says_differs:
      if (!compares || done.value != 0) return false;
      done.value = 1;
      --done.bytes;
      return true;
    case Breakage::wrong_difference:
      if (!compares || done.value == 0 || done.bytes == 0) return false;
      --done.bytes;
      return true;
    case Breakage::says_fewer_bytes:
      if (compares || done.bytes == 0) return false;
      --done.bytes;
      return true;
    case Breakage::fails:
      done.error = EIO;
      return true;
    case Breakage::reports_twice:
      again_ = done;
      return true;
    case Breakage::never_completes:
      dead_ = true;
      return true;
  }
  return false;
}

}  // namespace bellpull::test
