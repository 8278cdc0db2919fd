// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/stream_channel.hpp"

#include <algorithm>
#include <system_error>

#include "engine_core.hpp"
#include "stream_device.hpp"

namespace bellpull::engine {

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

StreamChannel::StreamChannel(Engine& engine, std::unique_ptr<StreamDevice> device, bool pushes)
    : engine_(engine),
      capabilities_(device->capabilities()),
      pushes_(pushes),
      slots_(device->size()),
      scratch_(std::min(capabilities_.max_segments, device->size())),
      device_(std::move(device)) {
  const auto attach = [this]<class Layout>(const ring::Driver<Layout>*, const auto& memory) {
    ring::DriverOptions<Layout> options;
    options.slots = slots_;
    return driver_.emplace<ring::Driver<Layout>>().attach(memory, options);
  };
  const auto error =
      device_->layout() == QueueLayout::split
          ? attach(static_cast<ring::Driver<ring::Split>*>(nullptr), device_->split_memory())
          : attach(static_cast<ring::Driver<ring::Packed>*>(nullptr), device_->packed_memory());
  if (error != ring::SetupError::none) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            ring::describe(error));
  }
}

StreamChannel::~StreamChannel() {
  stop();
  engine_.core_->remove(*device_);
}

PrepareResult StreamChannel::prepare(std::span<const Request> requests) noexcept {
  if (requests.empty()) return {};
  if (pushes_) reclaim_pushed();
  if (const PrepareError error = check(requests); error.kind != PrepareError::Kind::none) {
    return {Prepared{}, error};
  }
  const std::span<StreamDevice::Ticket> tickets = device_->tickets();
  const std::uint16_t first = std::visit(
      [&](auto& driver) noexcept {
        const std::uint16_t head = reserve(driver, requests.front());
        std::uint16_t last = head;
        for (const Request& request : requests.subspan(1)) {
          const std::uint16_t next = reserve(driver, request);
          tickets[last].next = next;
          last = next;
        }
        return head;
      },
      driver_);
  return {Prepared(this, first, static_cast<std::uint32_t>(requests.size())), {}};
}

Cookie StreamChannel::submit(Prepared prepared) noexcept {
  if (prepared.count_ == 0 || prepared.channel_ != this) return 0;
  const std::span<StreamDevice::Ticket> tickets = device_->tickets();
  const Cookie first = next_cookie_;
  std::visit(
      [&](auto& driver) noexcept {
        std::uint16_t head = prepared.first_;
        for (std::uint32_t i = 0; i < prepared.count_; ++i) {
          tickets[head].cookie = next_cookie_++;
          driver.offer(head);
          head = tickets[head].next;
        }
      },
      driver_);
  in_flight_ += prepared.count_;
  submitted_.add(prepared.count_);
  prepared.count_ = 0;
  return first;
}

PrepareError StreamChannel::post(std::span<const Request> requests) noexcept {
  PrepareResult result = prepare(requests);
  if (result) submit(std::move(result.prepared));
  return result.error;
}

void StreamChannel::issue() noexcept {
  if (engine_.placement() == Placement::driven) {
    publish();  // the engine runs on this very thread: nobody to wake
  } else if (std::visit([](auto& driver) noexcept { return driver.publish_and_test(); }, driver_)) {
    kicks_.add(1);
    engine_.core_->doorbell();
  }
}

unsigned StreamChannel::poll(std::span<Completion> completions) noexcept {
  if (completions.empty()) return 0;
  if (pushes_) {
    reclaim_pushed();
    return 0;
  }
  const std::span<StreamDevice::Ticket> tickets = device_->tickets();
  unsigned count = 0;
  const auto hand_over = [&](const ring::Used& used) noexcept {
    const StreamDevice::Ticket& ticket = tickets[used.head];
    const StreamResult& result = device_->result(used.head);
    completions[count++] =
        Completion{ticket.token, ticket.cookie, result.bytes, result.status, result.error};
  };
  std::visit(
      [&](auto& driver) noexcept {
        driver.poll(static_cast<unsigned>(completions.size()), hand_over);
      },
      driver_);
  in_flight_ -= count;
  return count;
}

Armed StreamChannel::arm() noexcept {
  if (std::visit([](auto& driver) noexcept { return driver.arm(); }, driver_)) {
    return Armed::work_pending;
  }
  if (engine_.placement() == Placement::driven && !device_->settled()) return Armed::work_pending;
  return Armed::armed;
}

void StreamChannel::disarm() noexcept {
  std::visit([](auto& driver) noexcept { driver.disarm(); }, driver_);
}

void StreamChannel::stop() noexcept {
  engine_.core_->stop(*device_);
  // What was submitted and never issued must not begin: it is shown to a device that has stopped.
  publish();
  engine_.core_->stop(*device_);
}

StreamStats StreamChannel::stats() const noexcept {
  StreamStats stats;
  stats.submitted = submitted_.value();
  stats.completed = device_->completed.value();
  stats.failed = device_->failed.value();
  stats.bytes = device_->bytes.value();
  stats.notifies = device_->notifies.value();
  stats.kicks = kicks_.value();
  stats.bad_done = device_->bad_done.value();
  return stats;
}

// All rules are checked before any slot is taken: all or nothing.
PrepareError StreamChannel::check(std::span<const Request> requests) const noexcept {
  using Kind = PrepareError::Kind;
  std::size_t needed = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    PrepareError error = check(requests[i]);
    if (error.kind != Kind::none) {
      error.request = static_cast<std::uint32_t>(i);
      return error;
    }
    needed += requests[i].segments.size();
  }
  if (needed > size()) return {.kind = Kind::too_large, .max = size()};
  if (needed > free_slots()) {
    return {.kind = Kind::would_block,
            .needed = static_cast<std::uint32_t>(needed),
            .free = free_slots()};
  }
  return {};
}

PrepareError StreamChannel::check(const Request& request) const noexcept {
  using Kind = PrepareError::Kind;
  if (request.segments.empty()) return {.kind = Kind::bad_request};
  const std::uint32_t max_segments = std::min(capabilities_.max_segments, size());
  std::uint64_t length = 0;
  std::uint32_t at = 0;
  for (const Segment& segment : request.segments) {
    if (segment.data == nullptr || segment.length == 0) {
      return {.kind = Kind::bad_request, .segment = at};
    }
    if (++at > max_segments) return {.kind = Kind::too_large, .max = max_segments};
    length = segment.length > capabilities_.max_length ? segment.length : length + segment.length;
    if (length > capabilities_.max_length) {
      return {.kind = Kind::too_large, .max = capabilities_.max_length};
    }
  }
  return {};
}

std::uint32_t StreamChannel::free_slots() const noexcept {
  return std::visit([](const auto& driver) noexcept { return driver.free_descriptors(); }, driver_);
}

void StreamChannel::publish() noexcept {
  std::visit([](auto& driver) noexcept { driver.publish(); }, driver_);
}

template <class Driver>
std::uint16_t StreamChannel::reserve(Driver& driver, const Request& request) noexcept {
  const std::size_t count = request.segments.size();
  for (std::size_t i = 0; i < count; ++i) {
    scratch_[i] = {reinterpret_cast<std::uintptr_t>(request.segments[i].data),
                   static_cast<std::uint32_t>(request.segments[i].length)};
  }
  const std::span<const ring::Segment> segments(scratch_.data(), count);
  const std::uint16_t head = capabilities_.direction == Direction::memory_to_device
                                 ? driver.reserve(segments, {}, 0)
                                 : driver.reserve({}, segments, 0);
  device_->tickets()[head].token = request.token;
  return head;
}

void StreamChannel::drop(std::uint16_t first, std::uint32_t count) noexcept {
  std::visit(
      [&](auto& driver) noexcept {
        for (std::uint32_t i = 0; i < count; ++i) {
          const std::uint16_t next = device_->tickets()[first].next;
          driver.cancel(first);
          first = next;
        }
      },
      driver_);
}

// A push sink has had its completions already; only the ids come back through the ring.
void StreamChannel::reclaim_pushed() noexcept {
  in_flight_ -= std::visit(
      [this](auto& driver) noexcept {
        return driver.poll(size(), [](const ring::Used&) noexcept {});
      },
      driver_);
}

}  // namespace bellpull::engine
