// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/channel.hpp"

#include <system_error>
#include <thread>
#include <utility>

#include "channel_device.hpp"
#include "engine_core.hpp"
#include "place_all.hpp"

namespace bellpull::engine {

const char* describe(PrepareReason reason) noexcept {
  switch (reason) {
    case PrepareReason::none:
      return "the request keeps the rules";
    case PrepareReason::slots_in_use:
      return "too few slots of the ring are free; poll, then try again";
    case PrepareReason::ring_too_small:
      return "the request needs more slots than the ring has; open a larger channel or cut it up";
    case PrepareReason::too_many_segments:
      return "a list has more segments than a transfer can have; cut it up";
    case PrepareReason::too_long:
      return "more bytes than a transfer can have; cut it up";
    case PrepareReason::no_segments:
      return "a list that the operation needs has no segment; name the memory";
    case PrepareReason::segment_without_memory:
      return "a segment begins at no address; give it one";
    case PrepareReason::segment_without_length:
      return "a segment has no byte; leave it out";
    case PrepareReason::segment_wraps:
      return "a segment runs past the end of the address space; correct its length";
    case PrepareReason::zero_length:
      return "an operation on no byte; leave it out, or use nop";
    case PrepareReason::totals_differ:
      return "source and destination are not equally long; make them so";
    case PrepareReason::source_unexpected:
      return "the operation reads no source; leave it empty";
    case PrepareReason::destination_unexpected:
      return "the operation has no destination; leave it empty";
    case PrepareReason::address_out_of_reach:
      return "a segment lies where the back-end cannot reach; see Capabilities::address_mask";
    case PrepareReason::address_misaligned:
      return "a segment begins where the back-end cannot begin; see Capabilities::alignment";
    case PrepareReason::length_misaligned:
      return "a segment ends where the back-end cannot end; see Capabilities::alignment";
    case PrepareReason::pattern_bytes:
      return "a pattern has 1 to 8 bytes; say how many";
    case PrepareReason::operation_unknown:
      return "the value names no operation; use one of enum Operation";
    case PrepareReason::operation_not_supported:
      return "the channel cannot do this operation; see Capabilities::operations";
  }
  return "unknown reason";
}

Prepared& Prepared::operator=(Prepared&& other) noexcept {
  Prepared taken(std::move(other));  // what this one held is dropped with it
  std::swap(channel_, taken.channel_);
  std::swap(first_, taken.first_);
  std::swap(count_, taken.count_);
  return *this;
}

Prepared::~Prepared() {
  if (count_ != 0) channel_->drop(first_, count_);
}

Channel::Channel(Engine& engine, ChannelDevice& device, const Capabilities& limits, Cookie first,
                 OnClose on_close)
    : next_cookie_(first != 0 ? first : 1),
      engine_(engine),
      device_(device),
      tickets_(device.tickets().data()),
      capabilities_(limits),
      slots_(device.size()),
      driven_(engine.placement() == Placement::driven),
      finishes_(on_close == OnClose::finish) {
  const auto attach = [this]<class Layout>(const ring::Driver<Layout>*, const auto& memory) {
    ring::DriverOptions<Layout> options;
    options.slots = slots_;
    return driver_.emplace<ring::Driver<Layout>>().attach(memory, options);
  };
  const DeviceQueue& queue = device.queue();
  const auto error =
      queue.layout() == QueueLayout::split
          ? attach(static_cast<ring::Driver<ring::Split>*>(nullptr), queue.split_memory())
          : attach(static_cast<ring::Driver<ring::Packed>*>(nullptr), queue.packed_memory());
  if (error != ring::SetupError::none) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            ring::describe(error));
  }
  if (driven_) device.let_rest();
}

Cookie Channel::submit(Prepared prepared) noexcept {
  if (prepared.count_ == 0 || prepared.channel_ != this) return 0;
  const Cookie first = next_cookie_;
  with_driver([&](auto& driver) noexcept {
    std::uint16_t head = prepared.first_;
    for (std::uint32_t i = 0; i < prepared.count_; ++i) {
      count_in(head);
      driver.offer(head);
      head = tickets_[head].next;
    }
  });
  in_flight_ += prepared.count_;
  submitted_.add(prepared.count_);
  prepared.count_ = 0;
  return first;
}

void Channel::issue() noexcept {
  shown_.add(unissued());
  if (driven_) {
    publish();  // the engine runs on this very thread: nobody to wake
  } else if (with_driver([](auto& driver) noexcept { return driver.publish_and_test(); })) {
    kicks_.add(1);
    engine_.core_->doorbell();
  }
}

std::optional<unsigned> Channel::run(unsigned limit) noexcept {
  if (!driven_) return std::nullopt;
  return engine_.core_->run_one(device_, limit);
}

Armed Channel::arm() noexcept {
  if (with_driver([](auto& driver) noexcept { return driver.arm(); })) return Armed::work_pending;
  if (driven_ && !device_.settled()) return Armed::work_pending;
  return Armed::armed;
}

bool Channel::notify_space(std::uint32_t slots, const Notify& bell) noexcept {
  if (slots > size()) return false;
  space_wanted_ = slots;
  space_bell_ = bell;
  space_freed();
  return true;
}

void Channel::ring_for_space() noexcept {
  if (free_slots() < space_wanted_) return;
  space_wanted_ = 0;
  if (space_bell_.ring != nullptr) space_bell_.ring(space_bell_.context);
}

void Channel::disarm() noexcept {
  with_driver([](auto& driver) noexcept { driver.disarm(); });
}

void Channel::control(Control wanted) noexcept {
  engine_.core_->control(device_, wanted);
}

void Channel::wake() noexcept {
  engine_.core_->doorbell();
}

void Channel::stop() noexcept {
  stopped_ = true;
  engine_.core_->control(device_, Control::stop);
  // What was submitted and never issued must not begin: it is shown to a device that has stopped.
  publish();
  engine_.core_->control(device_, Control::stop);
}

void Channel::leave(bool stands_still) noexcept {
  if (finishes_ && !stopped_ && !stands_still) finish();
  stop();
  engine_.core_->remove(device_);
}

ChannelStats Channel::stats() const noexcept {
  ChannelStats stats = device_.stats();
  stats.submitted = submitted_.value();
  stats.kicks = kicks_.value();
  return stats;
}

// Returns when what was issued is over, or waits for a resume() that nobody may call any more. To
// close a channel is no part of the data path: it may ask again and again.
void Channel::finish() noexcept {
  while (device_.completed.value() != shown_.value() && !device_.stands_still()) {
    if (driven_) {
      engine_.retry_blocked();
      engine_.run(size());
    } else {
      std::this_thread::yield();
    }
  }
}

PrepareError Channel::check_slots(std::size_t needed) const noexcept {
  using Kind = PrepareError::Kind;
  if (needed > size()) {
    return {.kind = Kind::too_large, .max = size(), .reason = PrepareReason::ring_too_small};
  }
  if (needed > free_slots()) {
    return {.kind = Kind::would_block,
            .needed = static_cast<std::uint32_t>(needed),
            .free = free_slots(),
            .reason = PrepareReason::slots_in_use};
  }
  return {};
}

std::uint32_t Channel::free_slots() const noexcept {
  const auto* const split = std::get_if<ring::Driver<ring::Split>>(&driver_);
  return (split != nullptr
              ? split->free_descriptors()
              : std::get_if<ring::Driver<ring::Packed>>(&driver_)->free_descriptors()) -
         kept_;
}

void Channel::publish() noexcept {
  if (driven_) device_.stir();
  shown_.add(unissued());
  with_driver([](auto& driver) noexcept { driver.publish(); });
}

void Channel::drop(std::uint16_t first, std::uint32_t count) noexcept {
  with_driver([&](auto& driver) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint16_t next = tickets_[first].next;
      driver.cancel(first);
      first = next;
    }
  });
}

}  // namespace bellpull::engine
