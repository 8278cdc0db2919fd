// SPDX-License-Identifier: BSD-2-Clause
#include "stream_device.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

namespace bellpull::engine {

namespace {

constexpr std::align_val_t kRegionAlign{ring::kCacheLine};

std::byte* make_region(std::size_t bytes) {
  auto* const region = static_cast<std::byte*>(::operator new(bytes, kRegionAlign));
  std::memset(region, 0, bytes);
  return region;
}

[[noreturn]] void refuse(ring::SetupError error, std::uint32_t size) {
  throw std::system_error(
      std::make_error_code(std::errc::invalid_argument),
      "open stream channel with " + std::to_string(size) + " slots: " + ring::describe(error));
}

}  // namespace

void StreamDevice::RegionDelete::operator()(std::byte* region) const noexcept {
  ::operator delete(region, kRegionAlign);
}

StreamDevice::StreamDevice(std::uint32_t size, std::unique_ptr<Backend> backend,
                           const Notify& notify, const CompletionSink& sink)
    : backend_(std::move(backend)),
      capabilities_(backend_->capabilities()),
      notify_(notify),
      sink_(sink),
      per_chain_(std::min(capabilities_.max_segments, size)) {
  if (const auto error = ring::check_split_size(size); error != ring::SetupError::none) {
    refuse(error, size);
  }
  const std::size_t region_bytes = ring::split_offsets(size).end;
  region_.reset(make_region(region_bytes));
  if (const auto error = ring::place_split(region_.get(), region_bytes, size, memory_);
      error != ring::SetupError::none) {
    refuse(error, size);
  }
  if (const auto error = ring_.attach(memory_); error != ring::SetupError::none) {
    refuse(error, size);
  }
  segments_.resize(std::size_t{size} * per_chain_);
  taken_.resize(size);
  results_.resize(size);
  tickets_.resize(size);
  ops_.resize(size);
}

unsigned StreamDevice::run(unsigned limit) noexcept {
  feed();
  unsigned completed_now = 0;
  std::array<Done, kBatch> done;
  while (!blocked_ && started_ != 0 && completed_now < limit) {
    const unsigned room = std::min(limit - completed_now, kBatch);
    const Reaped reaped = backend_->reap(std::span(done).first(room));
    for (unsigned i = 0; i < reaped.count; ++i) finish(done[i]);
    publish();
    completed_now += reaped.count;
    blocked_ = reaped.would_block;
    feed();  // the next transfer is elected here and now, by nobody else
    if (reaped.count < room) break;
  }
  return completed_now;
}

bool StreamDevice::runnable() noexcept {
  if (stopped_) return ring_.ready() != 0 || ring_.refresh() != 0;
  if (!blocked_ && (started_ != 0 || held_ != 0)) return true;
  return backend_->window() != 0 && (held_ != 0 || ring_.ready() != 0 || ring_.refresh() != 0);
}

bool StreamDevice::arm() noexcept {
  if (runnable()) return true;
  // Without room in the window a kick could change nothing: the device's own progress will.
  if (!stopped_ && backend_->window() == 0) return false;
  return ring_.arm();
}

void StreamDevice::stop() noexcept {
  if (stopped_) return;
  backend_->stop();
  stopped_ = true;
  for (std::uint32_t head = 0; head < memory_.size; ++head) {
    if (taken_[head] != 0) {
      end(static_cast<std::uint16_t>(head), StreamResult{.status = Status::aborted});
    }
  }
  started_ = 0;
  held_ = 0;
  blocked_ = false;
  publish();
  feed();
}

void StreamDevice::feed() noexcept {
  unsigned room = stopped_ ? memory_.size : backend_->window();
  while (held_ < room) {
    if (ring_.ready() == 0 && ring_.refresh() == 0) break;
    if (take(held_)) ++held_;
  }
  if (stopped_) {
    publish();
    return;
  }
  if (held_ == 0) return;
  const unsigned accepted = backend_->start(std::span<const Op>(ops_).first(held_));
  started_ += accepted;
  std::move(ops_.begin() + accepted, ops_.begin() + held_, ops_.begin());
  held_ -= accepted;
}

// Takes one chain into ops_[at]; false when it ended at once instead.
bool StreamDevice::take(std::size_t at) noexcept {
  // Collected first because segments are stored by head id; deliberately not initialised.
  struct Piece {
    std::uint64_t address;
    std::uint32_t length;
  };
  std::array<Piece, kMaxSegments> pieces;
  unsigned count = 0;
  const ring::Chain chain = ring_.take(per_chain_, [&](const ring::Segment& segment, bool) {
    pieces[count++] = {segment.address, segment.length};
  });
  if (stopped_ || !chain.well_formed) {
    taken_[chain.head] = 1;
    end(chain.head, stopped_ ? StreamResult{.status = Status::not_attempted}
                             : StreamResult{.error = EINVAL, .status = Status::failed});
    return false;
  }
  Segment* const segments = segments_.data() + std::size_t{chain.head} * per_chain_;
  for (unsigned i = 0; i < count; ++i) {
    segments[i] = {reinterpret_cast<std::byte*>(pieces[i].address), pieces[i].length};
  }
  ops_[at] = Op{chain.head, std::span<const Segment>(segments, count)};
  taken_[chain.head] = 1;
  return true;
}

void StreamDevice::finish(const Done& done) noexcept {
  if (done.id >= memory_.size || taken_[done.id] == 0) {
    bad_done.add(1);
    return;
  }
  --started_;
  StreamResult result{.bytes = done.bytes, .error = done.error};
  if (done.error != 0) {
    result.status = Status::failed;
  } else if (done.end) {
    result.status = Status::end_of_stream;
  }
  end(static_cast<std::uint16_t>(done.id), result);
}

void StreamDevice::end(std::uint16_t head, const StreamResult& result) noexcept {
  taken_[head] = 0;
  results_[head] = result;
  completed.add(1);
  if (result.status == Status::ok) {
    bytes.add(result.bytes);
  } else {
    failed.add(1);
  }
  if (sink_.push != nullptr) {
    const Ticket& ticket = tickets_[head];
    sink_.push(sink_.context,
               Completion{ticket.token, ticket.cookie, result.bytes, result.status, result.error});
  }
  const bool writes = capabilities_.direction == Direction::device_to_memory;
  ring_.complete(head, writes ? result.bytes : 0);
}

void StreamDevice::publish() noexcept {
  if (notify_.ring == nullptr) {
    ring_.publish();
  } else if (ring_.publish_and_test()) {
    notifies.add(1);
    notify_.ring(notify_.context);
  }
}

}  // namespace bellpull::engine
