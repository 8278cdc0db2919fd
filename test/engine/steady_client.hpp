// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "bellpull/engine/engine.hpp"

namespace bellpull::engine::test {

/// A client that makes every call of the data path, over and over, and nothing else: no clock, no
/// output. Its requests are of every operation, with lists of several shapes, one fenced.
class SteadyClient {
 public:
  SteadyClient(Engine& engine, OperationChannel& channel) : engine_(engine), channel_(channel) {
    source_ = {{{from_.data(), 20}, {from_.data() + 20, 44}}};
    destination_ = {{{to_.data(), 7}, {to_.data() + 7, 50}, {to_.data() + 57, 7}}};
    const std::span<const Segment> both(source_), all(destination_);
    requests_[0] = {.operation = Operation::copy, .source = both, .destination = all};
    requests_[1] = {.operation = Operation::fill, .pattern_bytes = 3, .pattern = 0x030201};
    requests_[1].destination = all;
    requests_[2] = {.operation = Operation::crc32c, .source = both};
    requests_[3] = {.operation = Operation::copy_crc32c, .source = both, .destination = all};
    requests_[4] = {.operation = Operation::compare, .source = both, .destination = all};
    requests_[5] = {.operation = Operation::nop, .fence = true};
    refused_.operation = Operation::copy;
  }
  SteadyClient(const SteadyClient&) = delete;
  SteadyClient& operator=(const SteadyClient&) = delete;
  /// Takes its memory back from transfers that are still in flight.
  ~SteadyClient() { channel_.terminate(); }

  /// Posts what there is room for, lets a driven engine run, polls.
  void turn() noexcept {
    while (channel_.post(requests_).kind == PrepareError::Kind::none) {
    }
    wrong_ += channel_.post({&refused_, 1}).kind != PrepareError::Kind::bad_request;
    { const PrepareResult dropped = channel_.prepare(std::span(requests_).first(1)); }
    channel_.issue();
    (void)channel_.arm();
    (void)engine_.run(64);
    poll();
    channel_.disarm();
    wrong_ += channel_.status(last_).state != TransferState::complete && last_ != 0;
    (void)channel_.stats();
    (void)channel_.configure({.burst = 48});
  }

  /// Turns until so many transfers came back; false when they do not.
  [[nodiscard]] bool run_until(std::uint64_t wanted) noexcept {
    std::uint64_t idle = 0;
    while (ended_ < wanted && idle < kPatience) {
      const std::uint64_t before = ended_;
      turn();
      idle = ended_ == before ? idle + 1 : 0;
    }
    return ended_ >= wanted && wrong_ == 0;
  }

  [[nodiscard]] std::uint64_t ended() const { return ended_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t not_attempted() const { return not_attempted_; }
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }

 private:
  // Turns without any progress, of which there are some while an autonomous engine is not
  // scheduled.
  static constexpr std::uint64_t kPatience = 2'000'000'000;

  void poll() noexcept {
    const unsigned count = channel_.poll(done_);
    for (unsigned i = 0; i < count; ++i) {
      last_ = done_[i].cookie;
      failed_ += done_[i].status == Status::failed;
      not_attempted_ += done_[i].status == Status::not_attempted;
    }
    ended_ += count;
  }

  Engine& engine_;
  OperationChannel& channel_;
  std::array<std::byte, 64> from_{};
  std::array<std::byte, 64> to_{};
  std::array<Segment, 2> source_;
  std::array<Segment, 3> destination_;
  std::array<OperationRequest, 6> requests_;
  OperationRequest refused_;  // a copy of nothing to nowhere
  std::array<OperationCompletion, 32> done_;
  Cookie last_ = 0;
  std::uint64_t ended_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t not_attempted_ = 0;
  std::uint64_t wrong_ = 0;
};

}  // namespace bellpull::engine::test
