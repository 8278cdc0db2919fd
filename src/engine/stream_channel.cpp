// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/stream_channel.hpp"

#include <algorithm>

#include "bellpull/engine/engine.hpp"
#include "place_all.hpp"
#include "segment_rules.hpp"
#include "stream_device.hpp"

namespace bellpull::engine {

StreamChannel::StreamChannel(Engine& engine, std::unique_ptr<StreamDevice> device,
                             const StreamOptions& options)
    : Channel(engine, *device, device->capabilities(), options.first_cookie, options.on_close),
      pushes_(options.sink.push != nullptr),
      writes_(capabilities().operations.contains(Operation::read)),
      scratch_(std::min(capabilities().max_segments, size())),
      device_(std::move(device)) {}

StreamChannel::~StreamChannel() {
  leave(false);
}

PrepareResult StreamChannel::prepare(std::span<const Request> requests) noexcept {
  if (requests.empty()) return {};
  if (pushes_) reclaim_pushed();
  if (const PrepareError error = check(requests); error.kind != PrepareError::Kind::none) {
    return {Prepared{}, error};
  }
  return reserve_all(requests, [this](auto& driver, const Request& request) noexcept {
    return place<false>(driver, request);
  });
}

PrepareError StreamChannel::post(std::span<const Request> requests) noexcept {
  if (pushes_) reclaim_pushed();
  const PrepareError error = check(requests);
  if (error.kind != PrepareError::Kind::none) return error;
  post_all(requests, [this](auto& driver, const Request& request) noexcept {
    return place<true>(driver, request);
  });
  return error;
}

// Device half and driver half are in the hands of the thread that reports.
bool StreamChannel::repost(std::span<const Request> requests) noexcept {
  if (requests.size() > repostable()) return false;
  for (const Request& request : requests) {
    if (!plain(request) && check(request).kind != PrepareError::Kind::none) return false;
  }
  count_anew(requests, [this](const Request& request) noexcept {
    const std::uint16_t head = device_->repeat(request.segments);
    ticket(head).token = request.token;
    return head;
  });
  return true;
}

unsigned StreamChannel::repostable() const noexcept {
  return device_->repeatable();
}

unsigned StreamChannel::poll(std::span<Completion> completions) noexcept {
  if (completions.empty()) return 0;
  if (pushes_) {
    reclaim_pushed();
    return 0;
  }
  unsigned count = 0;
  const auto hand_over = [&](const ring::Used& used) noexcept {
    completions[count++] = completion(used.head);
  };
  with_driver([&](auto& driver) noexcept {
    driver.poll(static_cast<unsigned>(completions.size()), hand_over);
  });
  in_flight_ -= count;
  space_freed();
  return count;
}

unsigned StreamChannel::deliver(unsigned limit, const CompletionSink& to) noexcept {
  if (limit == 0) return 0;
  if (pushes_) {
    reclaim_pushed();
    return 0;
  }
  const auto hand_over = [&](const ring::Used& used) noexcept {
    --in_flight_;
    to.push(to.context, completion(used.head));
  };
  // An autonomous engine may end what is submitted from inside before this call is over.
  const unsigned most = std::min(limit, in_flight_);
  const unsigned count =
      with_driver([&](auto& driver) noexcept { return driver.poll(most, hand_over); });
  space_freed();
  return count;
}

void StreamChannel::pause() noexcept {
  device_->pause();
}

void StreamChannel::resume() noexcept {
  if (device_->resume()) wake();
}

// All rules are checked before any slot is taken: all or nothing.
PrepareError StreamChannel::check(std::span<const Request> requests) const noexcept {
  std::size_t needed = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    PrepareError error = check(requests[i]);
    if (error.kind != PrepareError::Kind::none) {
      error.request = static_cast<std::uint32_t>(i);
      return error;
    }
    needed += requests[i].segments.size();
  }
  return check_slots(needed);
}

// Whether it breaks no rule, told quickly for what most requests are: one segment.
bool StreamChannel::plain(const Request& request) const noexcept {
  if (request.segments.size() != 1) return false;
  const Segment& segment = request.segments.front();
  return segment.data != nullptr && segment.length != 0 &&
         segment.length <= capabilities().max_length &&
         broken_rule(segment, capabilities()) == PrepareReason::none;
}

PrepareError StreamChannel::check(const Request& request) const noexcept {
  using Kind = PrepareError::Kind;
  using Reason = PrepareReason;
  const Side side = writes_ ? Side::destination : Side::source;
  const auto refuse = [side](Reason reason, std::uint32_t segment) noexcept {
    return PrepareError{
        .kind = Kind::bad_request, .segment = segment, .side = side, .reason = reason};
  };
  if (request.segments.empty()) return refuse(Reason::no_segments, 0);
  const std::uint32_t max_segments = std::min(capabilities().max_segments, size());
  const std::uint32_t max_length = capabilities().max_length;
  std::uint64_t length = 0;
  std::uint32_t at = 0;
  for (const Segment& segment : request.segments) {
    if (segment.data == nullptr) return refuse(Reason::segment_without_memory, at);
    if (segment.length == 0) return refuse(Reason::segment_without_length, at);
    if (at == max_segments) {
      return {.kind = Kind::too_large, .max = max_segments, .reason = Reason::too_many_segments};
    }
    length = segment.length > max_length ? segment.length : length + segment.length;
    if (length > max_length) {
      return {.kind = Kind::too_large, .max = max_length, .reason = Reason::too_long};
    }
    if (const Reason reason = broken_rule(segment, capabilities()); reason != Reason::none) {
      return refuse(reason, at);
    }
    ++at;
  }
  return {};
}

template <bool kPost, class Driver>
std::uint16_t StreamChannel::place(Driver& driver, const Request& request) noexcept {
  const std::size_t count = request.segments.size();
  for (std::size_t i = 0; i < count; ++i) {
    scratch_[i] = {reinterpret_cast<std::uintptr_t>(request.segments[i].data),
                   static_cast<std::uint32_t>(request.segments[i].length)};
  }
  const std::span<const ring::Segment> segments(scratch_.data(), count);
  const std::span<const ring::Segment> readable = writes_ ? decltype(segments){} : segments;
  const std::span<const ring::Segment> writable = writes_ ? segments : decltype(segments){};
  const std::uint16_t head =
      kPost ? driver.post(readable, writable, 0) : driver.reserve(readable, writable, 0);
  ticket(head).token = request.token;
  return head;
}

// Of a transfer that is being polled.
Completion StreamChannel::completion(std::uint16_t head) const noexcept {
  const Ticket& ticket = this->ticket(head);
  const StreamResult& result = device_->result(head);
  return {ticket.token, ticket.cookie, result.bytes, result.status, result.error};
}

// A push sink has had its completions already; only the ids come back through the ring.
void StreamChannel::reclaim_pushed() noexcept {
  in_flight_ -= with_driver([this](auto& driver) noexcept {
    return driver.poll(size(), [](const ring::Used&) noexcept {});
  });
  space_freed();
}

}  // namespace bellpull::engine
