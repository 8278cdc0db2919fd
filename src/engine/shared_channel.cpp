// SPDX-License-Identifier: BSD-2-Clause
// A round of the owner, in the order in which it happens:
//   1. completions of the channel get the cookies of their submitters (route)
//   2. how far do the submitters' records go? (collect)
//   3. as many of them as there are slots for are prepared and submitted, in turns (take)
//   4. all of it is issued at once, and each submitter told once (run)
#include "bellpull/engine/shared_channel.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <stdexcept>
#include <string>

#include "shared_seat.hpp"

namespace bellpull::engine {

namespace {

constexpr unsigned kBurst = 16;  // transfers of one submitter before it is another's turn

// How the next transfer of a submitter stands with its fences.
enum class Fenced : std::uint8_t { goes, waits, ended };

[[nodiscard]] Fenced ask_fences(SharedSeat& seat, Cookie cookie,
                                const SharedRecord& record) noexcept {
  SharedSeat::Owner& owner = seat.owner;
  if (record.fresh && owner.fresh != cookie) {
    owner.fresh = cookie;
    owner.cause = 0;
  }
  if (!record.request.fence) return Fenced::goes;
  if (owner.ended + 1 != cookie) return Fenced::waits;  // all before it have to end first
  if (owner.cause == 0) return Fenced::goes;
  owner.taken = owner.ended = cookie;
  seat.result(cookie) = {.token = record.request.token,
                         .cookie = cookie,
                         .cause = owner.cause,
                         .status = Status::not_attempted};
  return Fenced::ended;
}

}  // namespace

// What taking over some requests of one submitter came to.
struct SharedChannel::Burst {
  unsigned submitted = 0;
  unsigned ended = 0;    // without ever beginning
  bool no_room = false;  // the next one finds too few slots
};

SharedChannel::SharedChannel(OperationChannel& channel, const SharedOptions& options)
    : channel_(channel),
      count_(check_sharing("share an operation channel", options.submitters, options.depth)),
      door_(std::make_unique<SharedDoor>(options.notify)),
      seats_(std::make_unique<SharedSeat[]>(count_)),
      mask_(std::bit_ceil(channel.size()) - 1),
      owners_(std::size_t{mask_} + 1) {
  if (channel.in_flight() != 0) {
    throw std::invalid_argument("share an operation channel: it has " +
                                std::to_string(channel.in_flight()) +
                                " transfers in flight; poll them first");
  }
  Capabilities limits = channel.capabilities();
  limits.max_segments = std::min(limits.max_segments, kSharedSegments);
  for (std::uint32_t i = 0; i < count_; ++i) {
    seats_[i].open(limits, channel.size(), options.depth, *door_);
  }
}

SharedChannel::~SharedChannel() = default;

Submitter SharedChannel::join(const Notify& notify) noexcept {
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (!seats_[i].claim()) continue;
    seats_[i].bell = notify;
    return Submitter(seats_[i]);
  }
  return {};
}

SharedRun SharedChannel::run(unsigned limit) noexcept {
  if (limit == 0) return {};
  const unsigned routed = route(limit);
  collect();
  SharedRun result = take(limit);
  if (result.submitted != 0) channel_.issue();
  tell();
  more_ = routed == limit || result.submitted + result.completed == limit;
  submitted_.add(result.submitted);
  result.completed += routed;
  completed_.add(result.completed);
  result.runnable = more_;
  return result;
}

unsigned SharedChannel::route(unsigned limit) noexcept {
  std::array<OperationCompletion, 32> some;
  unsigned count = 0;
  while (count < limit) {
    const unsigned asked = std::min<unsigned>(limit - count, some.size());
    const unsigned got = channel_.poll(std::span(some).first(asked));
    for (const OperationCompletion& completion : std::span(some).first(got)) finish(completion);
    count += got;
    if (got < asked) break;
  }
  return count;
}

void SharedChannel::finish(const OperationCompletion& completion) noexcept {
  SharedSeat& seat = seats_[owners_[completion.cookie & mask_]];
  SharedSeat::Owner& owner = seat.owner;
  // Transfers of a channel end in order, so those of one submitter do.
  OperationCompletion& result = seat.result(++owner.ended);
  result = completion;
  result.cookie = owner.ended;
  result.cause = 0;  // another's failure is none of its business
  if (result.status != Status::ok && owner.cause == 0 && result.cookie >= owner.fresh) {
    owner.cause = result.cookie;
  }
  if (owner.left) abandoned_.add(1);
}

void SharedChannel::collect() noexcept {
  for (std::uint32_t i = 0; i < count_; ++i) seats_[i].collect();
}

SharedRun SharedChannel::take(unsigned limit) noexcept {
  SharedRun taken;
  std::uint32_t idle = 0;  // in a row
  while (idle < count_ && taken.submitted + taken.completed < limit) {
    const unsigned most = std::min(kBurst, limit - taken.submitted - taken.completed);
    const Burst burst = take_from(turn_, most);
    taken.submitted += burst.submitted;
    taken.completed += burst.ended;
    if (burst.no_room) break;
    idle = burst.submitted + burst.ended == 0 ? idle + 1 : 0;
    if (++turn_ == count_) turn_ = 0;
  }
  return taken;
}

SharedChannel::Burst SharedChannel::take_from(std::uint32_t number, unsigned most) noexcept {
  SharedSeat& seat = seats_[number];
  SharedSeat::Owner& owner = seat.owner;
  if (owner.taken == owner.issued) return {};
  std::array<OperationRequest, kBurst> requests;
  std::uint32_t slots = channel_.free_slots();
  unsigned count = 0;
  Burst burst;
  while (count + burst.ended < most && owner.taken + count != owner.issued) {
    const Cookie cookie = owner.taken + count + 1;
    const SharedRecord& record = seat.record(cookie);
    const Fenced fenced = ask_fences(seat, cookie, record);
    if (fenced == Fenced::waits) break;
    if (fenced == Fenced::ended) {
      if (owner.left) abandoned_.add(1);
      ++burst.ended;
      continue;
    }
    if (record.slots > slots) {
      burst.no_room = true;
      break;
    }
    slots -= record.slots;
    requests[count] = record.request;
    requests[count++].fence = false;  // kept here, for one submitter only
  }
  burst.submitted = count == 0 ? 0 : give(number, std::span(requests).first(count));
  return burst;
}

unsigned SharedChannel::give(std::uint32_t number,
                             std::span<const OperationRequest> requests) noexcept {
  PrepareResult prepared = channel_.prepare(requests);
  if (!prepared) return 0;  // not unless somebody else uses the channel
  const auto count = static_cast<unsigned>(requests.size());
  const Cookie first = channel_.submit(std::move(prepared.prepared));
  for (unsigned i = 0; i < count; ++i) {
    owners_[(first + i) & mask_] = static_cast<std::uint16_t>(number);
  }
  seats_[number].owner.taken += count;
  return count;
}

void SharedChannel::tell() noexcept {
  for (std::uint32_t i = 0; i < count_; ++i) {
    seats_[i].tell();
    seats_[i].vacate();
  }
}

Armed SharedChannel::arm() noexcept {
  door_->armed.store(true, std::memory_order_seq_cst);  // pairs with the load in SharedDoor::ring()
  bool work = more_;
  for (std::uint32_t i = 0; i < count_ && !work; ++i) work = seats_[i].arm();
  if (!work && channel_.arm() == Armed::armed) return Armed::armed;
  disarm();
  return Armed::work_pending;
}

void SharedChannel::disarm() noexcept {
  door_->armed.store(false, std::memory_order_relaxed);
  channel_.disarm();
}

std::uint32_t SharedChannel::submitters() const noexcept {
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < count_; ++i) taken += seats_[i].claimed() ? 1 : 0;
  return taken;
}

SharedStats SharedChannel::stats() const noexcept {
  return {submitted_.value(), completed_.value(), abandoned_.value(),
          door_->rung.load(std::memory_order_relaxed)};
}

}  // namespace bellpull::engine
