// SPDX-License-Identifier: BSD-2-Clause
#include "timed_backend.hpp"

#include <utility>

#include "clock.hpp"

namespace bellpull::tools::dmatest {

namespace {

using engine::Done;
using engine::Op;
using engine::Reaped;

class TimedBackend final : public engine::Backend {
 public:
  TimedBackend(std::unique_ptr<engine::Backend> inner, Timing& timing)
      : inner_(std::move(inner)), timing_(timing) {}

  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return inner_->capabilities();
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override {
    return inner_->wait_source();
  }
  [[nodiscard]] unsigned window() const noexcept override { return inner_->window(); }

  unsigned start(std::span<const Op> ops) noexcept override {
    const unsigned count = inner_->start(ops);
    held_ += count;
    return count;
  }

  Reaped reap(std::span<Done> done) noexcept override {
    Reaped all;
    while (all.count < done.size()) {
      const Reaped one = reap_one(done.subspan(all.count, 1));
      // One that claims more than it was asked for is for the core to judge.
      all.count += one.count;
      all.would_block = one.would_block;
      if (one.count != 1 || one.would_block || done[all.count - 1].error != 0) break;
    }
    return all;
  }

  bool cancel(std::uint64_t id) noexcept override {
    const bool cancelled = inner_->cancel(id);
    if (cancelled && held_ != 0) --held_;
    return cancelled;
  }
  void stop() noexcept override {
    inner_->stop();
    held_ = 0;
    ended_at_ = 0;
  }
  [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
    return inner_->progress(id);
  }
  void woken(std::uint32_t events) noexcept override { inner_->woken(events); }
  [[nodiscard]] bool quiet() noexcept override { return inner_->quiet(); }
  void pause() noexcept override { inner_->pause(); }
  void resume() noexcept override { inner_->resume(); }

 private:
  Reaped reap_one(std::span<Done> done) noexcept {
    if (held_ == 0) return inner_->reap(done);
    const std::uint64_t before = now_ns();
    if (ended_at_ != 0 && wanted_) timing_.idle_gap_ns.add(before - ended_at_);
    ended_at_ = 0;
    const Reaped one = inner_->reap(done);
    const std::uint64_t after = now_ns();
    timing_.work_ns += after - before;
    if (one.count == 0) return one;
    --held_;
    ++ended_;
    ended_at_ = after;
    // The client counts after it has issued, so that its own calls are in no gap.
    wanted_ = held_ != 0 || timing_.issued.value() > ended_;
    return one;
  }

  const std::unique_ptr<engine::Backend> inner_;
  Timing& timing_;
  std::uint64_t held_ = 0;      // by the inner one
  std::uint64_t ended_ = 0;     // transfers; more where the core cuts some up
  std::uint64_t ended_at_ = 0;  // the last one, or 0: another is under way
  bool wanted_ = false;         // the next one had been issued by then
};

}  // namespace

std::unique_ptr<engine::Backend> make_timed(std::unique_ptr<engine::Backend> inner,
                                            Timing& timing) {
  return std::make_unique<TimedBackend>(std::move(inner), timing);
}

}  // namespace bellpull::tools::dmatest
