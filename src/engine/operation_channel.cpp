// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/operation_channel.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine_core.hpp"
#include "operation_check.hpp"
#include "operation_device.hpp"
#include "place_all.hpp"

namespace bellpull::engine {

namespace {

[[nodiscard]] ring::Segment ring_segment(const Segment& segment) noexcept {
  return {reinterpret_cast<std::uintptr_t>(segment.data),
          static_cast<std::uint32_t>(segment.length)};
}

[[nodiscard]] std::uint64_t total(std::span<const Segment> segments) noexcept {
  std::uint64_t sum = 0;
  for (const Segment& segment : segments) sum += segment.length;
  return sum;
}

// Bytes that a request which keeps the rules works on.
[[nodiscard]] std::uint64_t length_of(const OperationRequest& request) noexcept {
  const std::uint64_t source = total(request.source), destination = total(request.destination);
  return request.source.empty() || request.destination.empty() ? std::max(source, destination)
                                                               : std::min(source, destination);
}

}  // namespace

OperationChannel::OperationChannel(Engine& engine, std::unique_ptr<OperationDevice> device,
                                   const OperationOptions& options)
    : Channel(engine, *device, limits(device->capabilities()), options.first_cookie,
              options.on_close),
      pushes_(options.sink.push != nullptr),
      issued_(previous_cookie(next_cookie_)),
      scratch_(std::size_t{2} * kMaxSegments),
      device_(std::move(device)),
      requests_(device_->requests()),
      results_(device_->results()) {
  keep_heads();
}

OperationChannel::~OperationChannel() {
  leave(paused_);
}

// What is too large for the back-end the device half cuts up.
Capabilities OperationChannel::limits(const Capabilities& backend) noexcept {
  Capabilities limits = backend;
  limits.max_segments = kMaxSegments;
  limits.max_length = std::numeric_limits<std::uint32_t>::max();
  limits.max_length -= limits.max_length % backend.alignment;
  return limits;
}

PrepareResult OperationChannel::prepare(std::span<const OperationRequest> requests) noexcept {
  if (requests.empty()) return {};
  if (pushes_) reclaim_pushed();
  if (const PrepareError error = check(requests); error.kind != PrepareError::Kind::none) {
    return {Prepared{}, error};
  }
  return reserve_all(requests, [this](auto& driver, const OperationRequest& request) noexcept {
    return place<false>(driver, request);
  });
}

PrepareError OperationChannel::post(std::span<const OperationRequest> requests) noexcept {
  if (pushes_) reclaim_pushed();
  const PrepareError error = check(requests);
  if (error.kind != PrepareError::Kind::none) return error;
  post_all(requests, [this](auto& driver, const OperationRequest& request) noexcept {
    return place<true>(driver, request);
  });
  return error;
}

// All rules are checked before any slot is taken: all or nothing.
PrepareError OperationChannel::check(std::span<const OperationRequest> requests) const noexcept {
  std::size_t needed = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (is_plain_copy(requests[i], capabilities())) [[likely]] {
      needed += 2;
      continue;
    }
    CheckedOperation checked = check_operation(requests[i], capabilities());
    if (checked.error.kind != PrepareError::Kind::none) {
      checked.error.request = static_cast<std::uint32_t>(i);
      return checked.error;
    }
    needed += checked.slots;
  }
  return check_slots(needed);
}

template <bool kPost, class Driver>
std::uint16_t OperationChannel::place(Driver& driver, const OperationRequest& request) noexcept {
  if (request.operation == Operation::copy && request.source.size() == 1 &&
      request.destination.size() == 1 && request.source[0].length != 0 && !request.shorter)
      [[likely]] {
    return place_pair<kPost>(driver, request);
  }
  const Chained chained = chain(request);
  const auto read = chained.segments.first(chained.readable);
  const auto written = chained.segments.subspan(chained.readable);
  const std::uint16_t head =
      kPost ? driver.post(read, written, 0) : driver.reserve(read, written, 0);
  return describe(head, request, chained.sources, chained.length);
}

// With the lists known to have one segment each, nothing is left of the loops.
template <bool kPost, class Driver>
[[gnu::flatten]] std::uint16_t OperationChannel::place_pair(
    Driver& driver, const OperationRequest& request) noexcept {
  const ring::Segment from = ring_segment(request.source[0]);
  const ring::Segment to = ring_segment(request.destination[0]);
  const std::span<const ring::Segment> read(&from, 1);
  const std::span<const ring::Segment> written(&to, 1);
  const std::uint16_t head =
      kPost ? driver.post(read, written, 0) : driver.reserve(read, written, 0);
  return describe(head, request, 1, from.length);
}

OperationChannel::Chained OperationChannel::chain(const OperationRequest& request) noexcept {
  const std::uint64_t length = length_of(request);
  const std::size_t sources = gather(request.source, 0, length);
  std::size_t count = gather(request.destination, sources, length);
  if (count == 0) scratch_[count++] = {};  // a chain has a descriptor, if only an empty one
  return {.segments = std::span(scratch_).first(count),
          .readable = writes_destination(request.operation) ? sources : count,
          .sources = sources,
          .length = length};
}

// Puts the first `left` bytes of a list into scratch_, from `at` on; returns where they end.
std::size_t OperationChannel::gather(std::span<const Segment> segments, std::size_t at,
                                     std::uint64_t left) noexcept {
  for (const Segment& segment : segments) {
    if (segment.length == 0 || left == 0) continue;
    const std::uint64_t bytes = std::min<std::uint64_t>(segment.length, left);
    scratch_[at++] = ring_segment({segment.data, static_cast<std::size_t>(bytes)});
    left -= bytes;
  }
  return at;
}

// What the chain does not say of the request.
std::uint16_t OperationChannel::describe(std::uint16_t head, const OperationRequest& request,
                                         std::size_t sources, std::uint64_t length) noexcept {
  Ticket& ticket = this->ticket(head);
  ticket.token = request.token;
  ticket.length = static_cast<std::uint32_t>(length);
  ticket.plain = plain_length(request.operation, length);
  ticket.kept = 0;
  const RequestRecord record = record_of(request, sources);
  if (!same(requests_[head], record)) requests_[head] = record;
  return head;
}

RequestRecord OperationChannel::record_of(const OperationRequest& request,
                                          std::size_t sources) const noexcept {
  return {.operation = static_cast<std::uint8_t>(request.operation),
          .flags = request.fence ? RequestRecord::kFence : std::uint8_t{0},
          .sources = static_cast<std::uint16_t>(sources),
          .pattern_bytes = request.pattern_bytes,
          .seed = request.seed,
          .burst = config_.burst,
          .pattern = request.pattern};
}

void OperationChannel::issue() noexcept {
  if (external_) {
    for (Cookie cookie = next_cookie(issued_); cookie != next_cookie_;
         cookie = next_cookie(cookie)) {
      requests_[head_of(cookie)].flags |= RequestRecord::kExternalControl;
    }
  }
  issued_ = previous_cookie(next_cookie_);
  Channel::issue();
}

unsigned OperationChannel::poll(std::span<OperationCompletion> completions) noexcept {
  if (completions.empty()) return 0;
  if (pushes_) {
    reclaim_pushed();
    return 0;
  }
  unsigned count = 0;
  std::uint32_t kept = 0;
  const auto hand_over = [&](const ring::Used& used) noexcept {
    const Ticket& ticket = this->ticket(used.head);
    OperationCompletion& completion = completions[count++];
    kept += ticket.kept;
    if (ticket.plain != 0 && used.length == ticket.plain) [[likely]] {
      completion = {.token = ticket.token, .cookie = ticket.cookie, .bytes = ticket.plain};
    } else {
      completion = completion_of(ticket.token, ticket.cookie, results_[used.head]);
    }
  };
  with_driver([&](auto& driver) noexcept {
    driver.poll(static_cast<unsigned>(completions.size()), hand_over);
  });
  keep(kept);
  in_flight_ -= count;
  space_freed();
  return count;
}

// A push sink has had its completions already; only the ids come back through the ring.
void OperationChannel::reclaim_pushed() noexcept {
  in_flight_ -= with_driver([this](auto& driver) noexcept {
    return driver.poll(size(),
                       [this](const ring::Used& used) noexcept { keep(ticket(used.head).kept); });
  });
  space_freed();
}

}  // namespace bellpull::engine
