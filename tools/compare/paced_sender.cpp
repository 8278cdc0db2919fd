// SPDX-License-Identifier: BSD-2-Clause
#include "paced_sender.hpp"

#include <algorithm>
#include <span>

#include "bellpull/netdrv/clock.hpp"
#include "cores.hpp"

namespace bellpull::tools::compare {

namespace {

constexpr std::uint64_t kCpuEvery = 100'000;  // ns; asking takes some 300

}  // namespace

PacedSender::PacedSender(int socket, const netdrv::SimOptions& traffic, unsigned core)
    : socket_(socket), core_(core), schedule_(traffic), bytes_(kBatch * traffic.sizes.front()) {
  const std::size_t size = traffic.sizes.front();
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts_[i] = {.iov_base = bytes_.data() + i * size, .iov_len = size};
    messages_[i].msg_hdr.msg_iov = &parts_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

void PacedSender::begin(std::uint64_t at_ns) {
  start_ = at_ns;
  const OnCore there(core_);  // the thread stays where it was started
  thread_ = std::thread([this] { run(); });
}

void PacedSender::end() {
  stop_.store(true, std::memory_order_relaxed);  // it is told nothing else
  if (thread_.joinable()) thread_.join();
}

PacedSender::Counts PacedSender::counts(std::uint64_t now_ns) const noexcept {
  Counts counts;
  counts.sent = sent_.value();
  const std::uint64_t elapsed = now_ns - start_;
  counts.scheduled = schedule_.due(elapsed, 0);
  const std::uint64_t overdue = elapsed < kLate ? 0 : schedule_.due(elapsed - kLate, 0);
  counts.late = late_.value() + (overdue > counts.sent ? overdue - counts.sent : 0);
  return counts;
}

void PacedSender::run() noexcept {
  std::uint64_t due = 0;
  std::uint64_t overdue = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint64_t now = netdrv::monotonic_ns();
    say_cpu(now);
    if (now < start_) continue;
    const std::uint64_t elapsed = now - start_;
    due = schedule_.due(elapsed, due);
    const std::uint64_t sent = sent_.value();
    if (due == sent) continue;
    const std::uint64_t frames = std::min<std::uint64_t>(due - sent, kBatch);
    if (elapsed >= kLate) overdue = schedule_.due(elapsed - kLate, overdue);
    if (overdue > sent) late_.add(std::min(overdue - sent, frames));
    send(static_cast<std::size_t>(frames));
  }
}

void PacedSender::send(std::size_t frames) noexcept {
  const std::uint64_t first = sent_.value();
  for (std::size_t i = 0; i < frames; ++i) {
    const std::uint64_t number = first + i;
    writer_.write({static_cast<std::byte*>(parts_[i].iov_base), parts_[i].iov_len},
                  {.flow = 0, .sequence = number, .time_ns = start_ + schedule_.time_of(number)});
  }
  // A call ends at the first frame that finds the queue full. The kernel has counted and freed that
  // one, so that the next call goes on behind it.
  for (std::size_t done = 0; done < frames;) {
    const int taken =
        ::sendmmsg(socket_, &messages_[done], static_cast<unsigned>(frames - done), 0);
    const std::size_t gone = taken < 0 ? 0 : static_cast<std::size_t>(taken);
    done += gone + (done + gone < frames ? 1 : 0);
  }
  sent_.add(frames);
}

void PacedSender::say_cpu(std::uint64_t now_ns) noexcept {
  if (now_ns - cpu_said_ < kCpuEvery) return;
  cpu_said_ = now_ns;
  const CpuTime used = cpu_of_thread();
  user_us_.add(used.user_us - user_us_.value());
  system_us_.add(used.system_us - system_us_.value());
}

}  // namespace bellpull::tools::compare
