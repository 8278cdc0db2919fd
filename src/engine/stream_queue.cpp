// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/stream_queue.hpp"

#include <utility>

#include "bellpull/engine/engine.hpp"
#include "engine_core.hpp"
#include "stream_device.hpp"

namespace bellpull::engine {

StreamQueue::StreamQueue(Engine& engine, std::unique_ptr<StreamDevice> device) noexcept
    : engine_(engine),
      driven_(engine.placement() == Placement::driven),
      device_(std::move(device)) {}

StreamQueue::~StreamQueue() {
  stop();
  engine_.core_->remove(*device_);
}

const ring::SplitMemory& StreamQueue::split_memory() const noexcept {
  return device_->queue().split_memory();
}

const ring::PackedMemory& StreamQueue::packed_memory() const noexcept {
  return device_->queue().packed_memory();
}

const StreamResult& StreamQueue::result(std::uint16_t head) const noexcept {
  return device_->result(head);
}

void StreamQueue::kick() noexcept {
  engine_.core_->doorbell();
}

std::optional<unsigned> StreamQueue::run(unsigned limit) noexcept {
  if (!driven_) return std::nullopt;
  return engine_.core_->run_one(*device_, limit);
}

bool StreamQueue::settled() noexcept {
  return !driven_ || device_->settled();
}

void StreamQueue::stop() noexcept {
  engine_.core_->control(*device_, Control::stop);
}

const Capabilities& StreamQueue::capabilities() const noexcept {
  return device_->capabilities();
}

ChannelStats StreamQueue::stats() const noexcept {
  return device_->stats();
}

}  // namespace bellpull::engine
