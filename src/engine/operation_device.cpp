// SPDX-License-Identifier: BSD-2-Clause
#include "operation_device.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <limits>
#include <new>

#include "segment_walk.hpp"

namespace bellpull::engine {

namespace {

constexpr Cookie kAll = 0;  // below it is every other one

[[nodiscard]] std::uint32_t saturated(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(bytes, kMost));
}

}  // namespace

OperationDevice::OperationDevice(const OperationOptions& options, std::unique_ptr<Backend> backend)
    : ChannelDevice(options.layout, options.size, std::move(backend), options.notify,
                    std::size_t{options.size} * (sizeof(RequestRecord) + sizeof(ResultRecord))),
      sink_(options.sink),
      halts_(options.on_error == ErrorPolicy::halt),
      mask_(std::bit_ceil(options.size) - 1),
      per_chain_(std::min(2 * kMaxSegments, options.size)),
      parts_(capabilities_) {
  std::byte* const records = queue_.beside();
  // Results first: they need the larger alignment, and have it in a ring of any size.
  results_ = new (records) ResultRecord[size()];
  requests_ = new (records + size() * sizeof(ResultRecord)) RequestRecord[size()];
  transfers_.resize(mask_ + 1);
  ops_.resize(mask_ + 1);
  chains_.resize(mask_ + 1);
  pieces_.resize(2 * (std::size_t{size()} + per_chain_));
  done_.resize(kBatch);
}

unsigned OperationDevice::run(unsigned limit) noexcept {
  const std::uint64_t before = completed.value();
  if (terminate_pending()) control(Control::terminate);
  if (paused_) return static_cast<unsigned>(completed.value() - before);
  feed();
  unsigned reported = 0;
  while (!blocked_ && started_ != 0 && reported < limit) {
    const unsigned room = std::min(limit - reported, kBatch);
    const Reaped reaped = backend_->reap(std::span(done_).first(room));
    const unsigned count = std::min(reaped.count, room);
    for (unsigned i = 0; i < count; ++i) finish(done_[i]);
    if (reaped.count > room) bad_done.add(reaped.count - room);
    reported += count;
    // Without a transfer in flight no event is due that would end the wait of the next one.
    blocked_ = reaped.would_block && started_ != 0;
    feed();  // the next transfer is elected here and now, by nobody else
    if (count < room) break;
  }
  note_progress();
  note_state();
  return static_cast<unsigned>(completed.value() - before);
}

bool OperationDevice::runnable() noexcept {
  if (terminate_pending()) return true;
  if (paused_) return false;
  if (!blocked_ && started_ != 0) return true;
  const bool ends_all = stopped_ || halted();
  if (begun_ != taken_ || due_ != nullptr) {
    // A fence waits for what was started, and so does what the back-end had no room for.
    return started_ == 0 && (ends_all || backend_->window() != 0);
  }
  return (ends_all || backend_->window() != 0) && queue_.available();
}

bool OperationDevice::arm() noexcept {
  if (runnable()) return true;
  // Where nothing new is begun a kick could change nothing: the device's own progress will, or the
  // owner.
  if (paused_) return false;
  if (!stopped_ && !halted() && (begun_ != taken_ || backend_->window() == 0)) return false;
  return queue_.with([](auto& ring) noexcept { return ring.arm(); });
}

void OperationDevice::control(Control wanted) noexcept {
  // What was asked for before comes before.
  if (wanted != Control::terminate && terminate_pending()) control(Control::terminate);
  switch (wanted) {
    case Control::stop:
      if (!stopped_) end_begun();
      stopped_ = true;
      end_issued_below(kAll);
      break;
    case Control::terminate:
      if (terminate_pending()) {
        // pairs with the release in terminate_below()
        terminations_done_ = terminations_.load(std::memory_order_acquire);
        end_begun();
        end_issued_below(terminate_below_.load(std::memory_order_relaxed));
      }
      break;
    case Control::pause:
      paused_ = true;
      backend_->pause();
      note_progress();
      break;
    case Control::resume:
      if (paused_) backend_->resume();
      paused_ = false;
      break;
    case Control::reset:
      failed_ = 0;
      halted_.store(false, std::memory_order_relaxed);
      break;
  }
  note_state();
}

void OperationDevice::feed() noexcept {
  const unsigned room = stopped_ || halted() ? size() : backend_->window();
  while (taken_ - begun_ < room && queue_.available()) {
    if (!take_some(room - static_cast<unsigned>(taken_ - begun_))) break;
  }
  // What was just taken may be younger than a wish to terminate that was not seen before it.
  if (terminate_pending()) {
    control(Control::terminate);
  }
  start();
  release();
  publish();
}

void OperationDevice::start() noexcept {
  if (due_ != nullptr && !start_due()) return;
  while (begun_ != taken_ && may_begin()) {
    Transfer& transfer = at(begun_);
    if (transfer.stage == Stage::ended) {
      ++begun_;
    } else if (!transfer.parts) {
      if (!start_run()) return;
    } else {
      release();
      if (oldest_ != begun_) return;  // one that is cut up is alone
      parts_.begin(ops_[begun_ & mask_]);
      cut_ = &transfer;
      ++begun_;
      if (!start_part()) return;
    }
  }
}

// Whether the next transfer may begin now. One that never will has ended when this returns.
bool OperationDevice::may_begin() noexcept {
  if (cut_ != nullptr) return false;
  Transfer& transfer = at(begun_);
  const bool ends_all = stopped_ || halted();
  if (transfer.fence && !ends_all) {
    release();
    if (oldest_ != begun_) return false;
  }
  if (ends_all || (transfer.fence && failed_ != 0)) {
    const Cookie cause = halted() ? halted_by_ : failed_;
    end(begun_, End{.status = Status::not_attempted, .cause = cause});
  }
  return true;
}

// Starts transfers that can be started together; false when the back-end did not take them all.
bool OperationDevice::start_run() noexcept {
  const std::uint64_t first = begun_ & mask_;
  const std::uint64_t most = std::min(taken_ - begun_, mask_ + 1 - first);
  std::uint64_t count = 1;
  while (count < most && !transfers_[first + count].fence && !transfers_[first + count].parts) {
    ++count;
  }
  const std::span<const Op> ops(&ops_[first], count);
  const auto accepted = std::min<std::uint64_t>(backend_->start(ops), count);
  for (std::uint64_t i = 0; i < accepted; ++i) transfers_[first + i].stage = Stage::started;
  started_ += static_cast<std::uint32_t>(accepted);
  begun_ += accepted;
  return accepted == count;
}

bool OperationDevice::start_part() noexcept {
  due_ = &parts_.next(new_id(begun_ - 1));
  cut_->id = due_->id;
  return start_due();
}

bool OperationDevice::start_due() noexcept {
  if (backend_->start({due_, 1}) == 0) return false;
  due_ = nullptr;
  cut_->stage = Stage::started;
  ++started_;
  return true;
}

void OperationDevice::finish(const Done& done) noexcept {
  const std::uint64_t place = done.id & (kIdMark - 1);
  Transfer* const transfer = place <= mask_ ? &transfers_[place] : nullptr;
  if (transfer == nullptr || transfer->stage != Stage::started || transfer->id != done.id) {
    bad_done.add(1);
    return;
  }
  --started_;
  if (transfer == cut_) [[unlikely]] {
    finish_part(done);
    return;
  }
  if (transfer->plain && done.error == 0 && done.bytes == transfer->length) [[likely]] {
    transfer->stage = Stage::ended;
    transfer->used_length = static_cast<std::uint32_t>(transfer->length);
    return;
  }
  const std::uint64_t position = oldest_ + ((place - oldest_) & mask_);
  end(position, end_of(done, transfer->length, ops_[place].operation));
}

// What a report says, as far as it can be true.
OperationDevice::End OperationDevice::end_of(const Done& done, std::uint64_t length,
                                             Operation operation) noexcept {
  End end{.bytes = std::min(done.bytes, length),
          .error = done.error,
          .value = done.value,
          .segment = done.segment,
          .side = done.side};
  const bool differs = operation == Operation::compare && done.value != 0;
  if (done.error == 0 && done.bytes != length && !(differs && done.bytes < length)) {
    // Well, but not all of it, or more than there is: the data cannot be relied on.
    bad_done.add(1);
    end.error = EIO;
  }
  if (end.error != 0) end.status = Status::failed;
  return end;
}

void OperationDevice::finish_part(const Done& done) noexcept {
  const std::uint64_t position = begun_ - 1;
  End end = end_of(done, parts_.part_bytes(), ops_[position & mask_].operation);
  const bool differs = end.bytes != parts_.part_bytes();
  end.bytes += parts_.done();
  if (end.status == Status::ok && !differs) {
    parts_.finished(done.value);
    if (parts_.done() < cut_->length) {
      cut_->stage = Stage::waiting;
      (void)start_part();  // or it stays due
      return;
    }
  }
  if (end.status != Status::ok) end.segment = parts_.segment_of_whole(end.side, end.segment);
  cut_ = nullptr;
  this->end(position, end);
}

void OperationDevice::end(std::uint64_t position, const End& end) noexcept {
  Transfer& transfer = at(position);
  transfer.stage = Stage::ended;
  const bool writes = writes_destination(ops_[position & mask_].operation);
  transfer.used_length = writes ? saturated(end.bytes) : 0;
  if (end.status != Status::ok) {
    end_badly(position, end);
  } else if (!transfer.plain) {
    write_result(transfer, end);
  }
}

void OperationDevice::write_result(Transfer& transfer, const End& end) noexcept {
  transfer.recorded = true;
  ResultRecord& result = results_[transfer.head];
  result.status = static_cast<std::uint8_t>(end.status);
  result.side = static_cast<std::uint8_t>(end.side);
  result.segment = end.segment;
  result.error = end.error;
  result.value = end.value;
  result.done = end.bytes;
  result.cause = end.cause;
}

void OperationDevice::end_badly(std::uint64_t position, const End& end) noexcept {
  Transfer& transfer = at(position);
  // Less than all of it, which would say that it ended well.
  if (end.bytes == transfer.length && transfer.used_length != 0) --transfer.used_length;
  write_result(transfer, end);
  failed.add(1);
  if (failed_ == 0) failed_ = cookie_of(transfer);
  if (end.status != Status::failed) return;
  failures_.add(cookie_of(transfer), end.error);
  if (halts_ && !halted()) {
    halted_.store(true, std::memory_order_relaxed);
    halted_by_ = cookie_of(transfer);
    cancel_behind(position);
  }
}

// Those behind a failure that halts, as far as they can still be stopped.
void OperationDevice::cancel_behind(std::uint64_t failure) noexcept {
  for (std::uint64_t position = failure + 1; position < begun_; ++position) {
    const Transfer& transfer = at(position);
    if (transfer.stage != Stage::started || &transfer == cut_) continue;
    const std::uint64_t moved = progress(transfer);
    if (!backend_->cancel(transfer.id)) continue;
    --started_;
    end(position, End{.status = moved != 0 ? Status::aborted : Status::not_attempted,
                      .bytes = moved,
                      .cause = halted_by_});
  }
}

void OperationDevice::release() noexcept {
  const std::uint64_t first = oldest_;
  std::uint64_t moved = 0;
  queue_.with([&](auto& ring) noexcept {
    for (; oldest_ != begun_ && at(oldest_).stage == Stage::ended; ++oldest_) {
      const Transfer& transfer = at(oldest_);
      if (sink_.push != nullptr) [[unlikely]]
        push(transfer);
      ring.complete(chains_[oldest_ & mask_], transfer.used_length);
      moved += transfer.recorded ? results_[transfer.head].done : transfer.used_length;
    }
  });
  if (oldest_ == first) return;
  const std::uint32_t pieces_end = at(oldest_ - 1).pieces_end;
  if (pieces_end < pieces_begin_) pieces_wrapped_ = false;
  pieces_begin_ = pieces_end;
  completed.add(oldest_ - first);
  bytes.add(moved);
  if (noted_ == nullptr) return;
  // release: pairs with the acquire in OperationChannel::status(), which looks at `completed` after
  noted_->progress.store(0, std::memory_order_release);
  noted_ = nullptr;
}

void OperationDevice::push(const Transfer& transfer) noexcept {
  sink_.push(sink_.context, completion_of(tickets_[transfer.head].token,
                                          tickets_[transfer.head].cookie, results_[transfer.head]));
}

std::uint64_t OperationDevice::progress(const Transfer& transfer) const noexcept {
  std::uint64_t moved = 0;
  if (transfer.stage == Stage::started) moved = backend_->progress(transfer.id);
  if (&transfer == cut_) moved += parts_.done();
  return std::min(moved, transfer.length);
}

// As finely as the back-end declares, whatever it says and however the transfer was cut up.
std::uint64_t OperationDevice::as_declared(const Op& op, std::uint64_t moved) const noexcept {
  if (capabilities_.residue == Granularity::burst) return moved;
  if (capabilities_.residue == Granularity::descriptor) return 0;
  std::uint64_t whole = 0;
  for (const Segment& segment : has_destination(op.operation) ? op.destination : op.source) {
    if (whole + segment.length > moved) break;
    whole += segment.length;
  }
  return whole;
}

// Only of the oldest: those behind it wait for it or are hardly begun.
void OperationDevice::note_progress() noexcept {
  if (oldest_ == begun_) return;
  const Transfer& transfer = at(oldest_);
  const std::uint64_t moved = as_declared(ops_[oldest_ & mask_], progress(transfer));
  if (moved == 0) return;
  noted_ = &results_[transfer.head];
  // Relaxed: a number for the curious; what it counts is read after the completion.
  noted_->progress.store(moved, std::memory_order_relaxed);
}

void OperationDevice::note_state() noexcept {
  taken_count_.add(taken_ - taken_count_.value());
  begun_count_.add(begun_ - begun_count_.value());
  paused_now_.store(paused_, std::memory_order_relaxed);
}

// Everything issued is taken and, below `cookie`, ended.
void OperationDevice::end_issued_below(Cookie cookie) noexcept {
  end_waiting_below(cookie);
  do {
    release();
    while (queue_.available() && take_some(size())) {
    }
    end_waiting_below(cookie);
    release();
  } while (queue_.available() && oldest_ == taken_);
  publish();
}

// What was begun is older than any wish to end it.
void OperationDevice::end_begun() noexcept {
  for (std::uint64_t position = oldest_; position != begun_; ++position) {
    const Transfer& transfer = at(position);
    if (transfer.stage == Stage::ended) continue;
    const std::uint64_t moved = progress(transfer);
    // The back-end may not have had room for the first part of one that is cut up.
    const bool begun = transfer.stage == Stage::started || moved != 0;
    end(position, End{.status = begun ? Status::aborted : Status::not_attempted, .bytes = moved});
  }
  backend_->stop();
  paused_ = blocked_ = false;
  started_ = 0;
  cut_ = nullptr;
  due_ = nullptr;
}

void OperationDevice::end_waiting_below(Cookie cookie) noexcept {
  while (begun_ != taken_ && (cookie == kAll || cookie_before(cookie_of(at(begun_)), cookie))) {
    end(begun_, End{.status = Status::not_attempted});
    ++begun_;
  }
  failed_ = 0;  // a fence behind them is no affair of theirs
}

}  // namespace bellpull::engine
