// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "channel_device.hpp"
#include "operation_records.hpp"
#include "recent_failures.hpp"
#include "transfer_parts.hpp"

namespace bellpull::engine {

/// A completion as the client gets it, from its record.
[[nodiscard]] inline OperationCompletion completion_of(std::uint64_t token, Cookie cookie,
                                                       const ResultRecord& result) noexcept {
  return {.token = token,
          .cookie = cookie,
          .bytes = result.done,
          .cause = result.cause,
          .value = result.value,
          .error = result.error,
          .segment = result.segment,
          .side = static_cast<Side>(result.side),
          .status = static_cast<Status>(result.status)};
}

/// The device half of an operation channel. Transfers have positions, numbered as they are taken
/// from the ring; they are begun, and released to the client, in that order, whatever the order in
/// which the back-end ends them:
///
///     oldest_ <= begun_ <= taken_     released | under way or over | waiting
class OperationDevice final : public ChannelDevice {
 public:
  OperationDevice(const OperationOptions& options, std::unique_ptr<Backend> backend);

  [[nodiscard]] RequestRecord* requests() noexcept { return requests_; }
  [[nodiscard]] ResultRecord* results() noexcept { return results_; }
  [[nodiscard]] bool halted() const noexcept { return halted_.load(std::memory_order_relaxed); }

  unsigned run(unsigned limit) noexcept override;
  [[nodiscard]] bool runnable() noexcept override;
  [[nodiscard]] bool arm() noexcept override;
  void control(Control wanted) noexcept override;

  /// Any thread: how far the device half has come, for people to read.
  [[nodiscard]] const Counter& taken() const noexcept { return taken_count_; }
  [[nodiscard]] const Counter& begun() const noexcept { return begun_count_; }
  [[nodiscard]] bool paused() const noexcept { return paused_now_.load(std::memory_order_relaxed); }
  [[nodiscard]] const RecentFailures& failures() const noexcept { return failures_; }

  /// Owner thread: at the next run(), or control(Control::terminate), end the transfers whose
  /// cookie is below `cookie`.
  void terminate_below(Cookie cookie) noexcept {
    terminate_below_.store(cookie, std::memory_order_relaxed);
    // pairs with the acquire in terminate_pending()
    terminations_.fetch_add(1, std::memory_order_release);
  }

 private:
  // An id is where the transfer is and how many were given before, so that a late report about an
  // earlier one is told apart. Never 0.
  static constexpr std::uint64_t kIdMark = 0x8000;
  static constexpr unsigned kIdShift = 16;

  enum class Stage : std::uint8_t {
    waiting,  // not begun
    started,  // the back-end has it, or a part of it
    ended,    // only to be released
  };
  struct Transfer {
    std::uint64_t id = 0;  // that the back-end has
    std::uint64_t length = 0;
    std::uint32_t used_length = 0;  // when it has ended
    std::uint32_t pieces_end = 0;   // of the arena
    std::uint16_t head = 0;
    Stage stage = Stage::waiting;
    bool fence = false;
    bool parts = false;     // too large for the back-end in one
    bool plain = false;     // a used length can say that it ended well, see plain_length()
    bool recorded = false;  // its result is in the record
  };
  // How a transfer ended.
  struct End {
    Status status = Status::ok;
    std::uint64_t bytes = 0;
    std::int32_t error = 0;
    std::uint32_t value = 0;
    std::uint16_t segment = 0;
    Side side = Side::source;
    Cookie cause = 0;
  };

  [[nodiscard]] Transfer& at(std::uint64_t position) noexcept {
    return transfers_[position & mask_];
  }
  [[nodiscard]] Cookie cookie_of(const Transfer& transfer) const noexcept {
    return tickets_[transfer.head].cookie;
  }
  void feed() noexcept;
  bool take_some(unsigned room) noexcept;
  [[nodiscard]] std::size_t contiguous_pieces() noexcept;
  void accept(std::uint32_t count) noexcept;
  void accept_any(std::uint64_t place, std::uint64_t id, std::uint32_t first_piece) noexcept;
  void start() noexcept;
  bool may_begin() noexcept;
  bool start_run() noexcept;
  bool start_part() noexcept;
  bool start_due() noexcept;
  [[nodiscard]] std::uint64_t new_id(std::uint64_t position) noexcept {
    return ++ids_ << kIdShift | kIdMark | (position & mask_);
  }
  void finish(const Done& done) noexcept;
  void finish_part(const Done& done) noexcept;
  [[nodiscard]] End end_of(const Done& done, std::uint64_t length, Operation operation) noexcept;
  void end(std::uint64_t position, const End& end) noexcept;
  void end_badly(std::uint64_t position, const End& end) noexcept;
  void write_result(Transfer& transfer, const End& end) noexcept;
  void cancel_behind(std::uint64_t failure) noexcept;
  void release() noexcept;
  void push(const Transfer& transfer) noexcept;
  void note_progress() noexcept;
  [[nodiscard]] std::uint64_t as_declared(const Op& op, std::uint64_t moved) const noexcept;
  void note_state() noexcept;
  [[nodiscard]] std::uint64_t progress(const Transfer& transfer) const noexcept;
  [[nodiscard]] bool terminate_pending() const noexcept {
    // pairs with the release in terminate_below()
    return terminations_.load(std::memory_order_acquire) != terminations_done_;
  }
  void end_begun() noexcept;
  void end_issued_below(Cookie cookie) noexcept;
  void end_waiting_below(Cookie cookie) noexcept;

  const OperationSink sink_;
  const bool halts_;
  const std::uint64_t mask_;
  RequestRecord* requests_;
  ResultRecord* results_;
  ResultRecord* noted_ = nullptr;    // of the oldest, when its progress is not 0
  std::vector<Transfer> transfers_;  // by position, as are ops_ and chains_
  std::vector<Op> ops_;
  std::vector<ring::Chain> chains_;
  std::vector<Segment> pieces_;  // what the ops point at: given out and taken back in order
  std::uint32_t per_chain_;      // pieces of a transfer at most
  std::uint32_t pieces_begin_ = 0;
  std::uint32_t pieces_end_ = 0;
  bool pieces_wrapped_ = false;
  std::vector<Done> done_;  // room for a reap()
  std::uint64_t oldest_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t ids_ = 0;
  std::uint32_t started_ = 0;  // transfers the back-end has
  TransferParts parts_;
  Transfer* cut_ = nullptr;  // the one transfer that is cut up, which is alone
  const Op* due_ = nullptr;  // its part that the back-end had no room for
  Cookie failed_ = 0;        // the first since the start, a reset or a termination
  Cookie halted_by_ = 0;     // the failure that halted the channel
  bool paused_ = false;
  // The same for other threads.
  Counter taken_count_;
  Counter begun_count_;
  std::atomic<bool> paused_now_{false};
  RecentFailures failures_;
  bool stopped_ = false;
  std::atomic<bool> halted_{false};
  std::atomic<Cookie> terminate_below_{0};
  std::atomic<std::uint32_t> terminations_{0};
  std::uint32_t terminations_done_ = 0;
};

}  // namespace bellpull::engine
