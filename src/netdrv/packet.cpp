// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/packet.hpp"

#include <algorithm>

#include "bellpull/netdrv/packet_pool.hpp"

namespace bellpull::netdrv {

void Packet::trim(std::uint32_t size) noexcept {
  if (size < this->size()) resize(size);
}

void Packet::resize(std::uint32_t size) noexcept {
  const std::uint32_t head_room = buffer_->capacity - buffer_->offset;
  buffer_->length = std::min(size, head_room);
  if (buffer_->tail == nullptr) return;
  if (size > head_room) {
    buffer_->tail->length = size - head_room;
    return;
  }
  PacketBuffer* const tail = std::exchange(buffer_->tail, nullptr);
  tail->pool->give_back(tail);
}

void Packet::give_back() noexcept {
  PacketBuffer* const head = std::exchange(buffer_, nullptr);
  // The second buffer first: when the first is back, the packet must be whole again.
  if (PacketBuffer* const tail = std::exchange(head->tail, nullptr); tail != nullptr) {
    tail->pool->give_back(tail);
  }
  head->pool->give_back(head);
}

}  // namespace bellpull::netdrv
