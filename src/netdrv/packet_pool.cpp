// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/packet_pool.hpp"

#include <algorithm>
#include <atomic>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace bellpull::netdrv {

namespace {

constexpr std::size_t kHeadBytes = kHeadroom + kHeadData;
constexpr std::size_t kHeadStride = 2048;
static_assert(kHeadBytes <= kHeadStride);

// Its address is what tells threads apart, more cheaply than std::this_thread::get_id().
thread_local char thread_mark;

}  // namespace

struct PacketPool::Store {
  explicit Store(const PacketPoolOptions& wanted)
      : options(wanted), owner(&thread_mark), buffers(std::size_t{wanted.heads} + wanted.tails) {
    heads.reserve(options.heads);
    tails.reserve(options.tails);
  }

  [[nodiscard]] bool owned_here() const noexcept {
    return owner.load(std::memory_order_relaxed) == &thread_mark;
  }

  void keep(PacketBuffer* buffer) noexcept {
    (buffer->is_tail ? tails : heads).push_back(buffer);
    tell_free();
  }

  [[nodiscard]] PacketBuffer* take_tail() noexcept {
    PacketBuffer* const tail = tails.back();
    tails.pop_back();
    tail->offset = 0;
    tail->length = 0;
    return tail;
  }

  void tell_free() noexcept {
    free_heads.store(static_cast<unsigned>(heads.size()), std::memory_order_relaxed);
  }

  // From another thread.
  void take_back(PacketBuffer* buffer) noexcept {
    buffer->tail = returned.load(std::memory_order_relaxed);
    // release: pairs with collect(); what was done with the buffer is over
    while (!returned.compare_exchange_weak(buffer->tail, buffer, std::memory_order_release,
                                           std::memory_order_relaxed)) {
    }
  }

  // What other threads returned becomes usable in one sweep, only when there is need.
  void collect() noexcept {
    // acquire: pairs with take_back()
    PacketBuffer* buffer = returned.exchange(nullptr, std::memory_order_acquire);
    while (buffer != nullptr) {
      PacketBuffer* const next = std::exchange(buffer->tail, nullptr);
      keep(buffer);
      buffer = next;
    }
  }

  const PacketPoolOptions options;
  std::atomic<const char*> owner;  // relaxed: a thread needs to know no more than whether it is it
  std::vector<PacketBuffer> buffers;
  std::byte* memory = nullptr;
  std::vector<PacketBuffer*> heads;  // free; owner thread, last in first out: the warm one first
  std::vector<PacketBuffer*> tails;
  std::atomic<unsigned> free_heads{0};  // heads.size() for other threads, so relaxed
  // From other threads: a list that is only ever taken whole, so that no link of it is read while
  // its buffer may be pushed anew. Through `tail`, which means nothing in a free buffer.
  std::atomic<PacketBuffer*> returned{nullptr};
};

PacketPool::PacketPool(const PacketPoolOptions& options) {
  if (options.heads == 0) {
    throw std::invalid_argument("packet pool of 0 buffers: ask for at least one");
  }
  store_ = std::make_unique<Store>(options);
  const std::size_t tail_offset = std::size_t{options.heads} * kHeadStride;
  const std::size_t bytes = tail_offset + std::size_t{options.tails} * kTailData;
  store_->memory = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{4096}));
  // Touched now, so that no page fault comes later. The tails are 32 times as much, and a port that
  // sees no superframe never needs them: each of their pages comes with its first use.
  std::fill_n(store_->memory, tail_offset, std::byte{0});
  for (std::size_t i = 0; i < store_->buffers.size(); ++i) {
    PacketBuffer& buffer = store_->buffers[i];
    buffer.pool = this;
    buffer.is_tail = i >= options.heads;
    buffer.begin = store_->memory + (buffer.is_tail ? tail_offset + (i - options.heads) * kTailData
                                                    : i * kHeadStride);
    buffer.capacity = buffer.is_tail ? kTailData : static_cast<std::uint32_t>(kHeadBytes);
    store_->keep(&buffer);
  }
}

PacketPool::~PacketPool() {
  adopt();
  if (outstanding() != 0 || store_->tails.size() != store_->options.tails) {
    // Somebody still holds packets. Leaving the memory is the lesser evil; see the header.
    static_cast<void>(store_.release());
    return;
  }
  ::operator delete (store_->memory, std::align_val_t{4096});
}

unsigned PacketPool::allocate(std::span<Packet> packets, bool with_tail) noexcept {
  std::vector<PacketBuffer*>& heads = store_->heads;
  std::vector<PacketBuffer*>& tails = store_->tails;
  if (heads.size() < packets.size() || (with_tail && tails.size() < packets.size())) {
    store_->collect();
  }
  std::size_t count = std::min(packets.size(), heads.size());
  if (with_tail) count = std::min(count, tails.size());
  for (std::size_t i = 0; i < count; ++i) {
    PacketBuffer* const head = heads.back();
    heads.pop_back();
    head->offset = kHeadroom;
    head->length = 0;
    head->offload = {};
    head->tail = nullptr;
    if (with_tail) head->tail = store_->take_tail();
    packets[i] = Packet(head);
  }
  store_->tell_free();
  return static_cast<unsigned>(count);
}

bool PacketPool::attach_tail(Packet& packet) noexcept {
  if (store_->tails.empty()) store_->collect();
  if (store_->tails.empty()) return false;
  packet.buffer()->tail = store_->take_tail();
  return true;
}

void PacketPool::adopt() noexcept {
  if (!store_->owned_here()) store_->owner.store(&thread_mark, std::memory_order_relaxed);
}

void PacketPool::disown() noexcept {
  store_->owner.store(nullptr, std::memory_order_relaxed);
}

std::uint64_t PacketPool::outstanding() noexcept {
  if (store_->owned_here()) store_->collect();
  return store_->options.heads - store_->free_heads.load(std::memory_order_relaxed);
}

const PacketPoolOptions& PacketPool::options() const noexcept {
  return store_->options;
}

void PacketPool::give_back(PacketBuffer* buffer) noexcept {
  if (store_->owned_here()) {
    store_->keep(buffer);
  } else {
    store_->take_back(buffer);
  }
}

}  // namespace bellpull::netdrv
