// SPDX-License-Identifier: BSD-2-Clause
// An instance that a thread of its own polls (the kernel's threaded NAPI): the same ownership,
// handed over to the thread instead of the loop. It sends nothing by another instance's port, whose
// channel is that one's: such frames cross over.
#include <pthread.h>
#include <sched.h>

#include <array>

#include "instance.hpp"

namespace bellpull::netdrv {

void Instance::make_crossings(std::span<const std::unique_ptr<Instance>> all) {
  crossings_.resize(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == number_) continue;
    crossings_[i] = std::make_unique<Crossing>(bell());
    all[i]->egress.cross(number_, crossings_[i].get());
  }
}

void Instance::forget_crossings(std::span<const std::unique_ptr<Instance>> all) noexcept {
  if (crossings_.empty()) return;
  for (const auto& other : all) other->egress.cross(number_, nullptr);
  crossings_.clear();
}

void Instance::start_thread() {
  threaded_.store(true, std::memory_order_relaxed);  // nobody owns the instance
  try {
    thread_ = std::thread([this] { run_thread(); });
  } catch (...) {
    threaded_.store(false, std::memory_order_relaxed);
    throw;
  }
  ::pthread_setname_np(thread_.native_handle(), "bellpull-napi");
}

void Instance::stop_thread() noexcept {
  if (!thread_.joinable()) return;
  // Relaxed: the join orders all that matters.
  calls_.fetch_or(kQuit, std::memory_order_relaxed);
  calls_.notify_one();
  thread_.join();
  calls_.fetch_and(~kQuit, std::memory_order_relaxed);
  threaded_.store(false, std::memory_order_relaxed);
  port->own();
}

void Instance::run_thread() noexcept {
  port->own();
  for (;;) {
    calls_.wait(0, std::memory_order_relaxed);  // take_rung() acquires
    if ((calls_.load(std::memory_order_relaxed) & kQuit) != 0) return;
    if (!take_rung()) continue;
    Round round = Round::again;
    while (round == Round::again) {
      if ((calls_.load(std::memory_order_relaxed) & kQuit) != 0) {
        calls_.fetch_or(kRung, std::memory_order_relaxed);  // the join hands it on
        return;
      }
      round = nic_.poll_once(*this);
      if (round == Round::deferred) nic_.wake();  // whose sleep is to end with the timer
      if (round == Round::again && last_work == 0) ::sched_yield();
    }
  }
}

void Instance::send_crossed() noexcept {
  std::array<Packet, kBurst> burst;
  for (const auto& crossing : crossings_) {
    if (crossing == nullptr) continue;
    unsigned count = 0;
    while ((count = crossing->pull(burst)) != 0) {
      const std::span<Packet> packets = std::span(burst).first(count);
      const unsigned taken = port->tx(packets);
      for (Packet& left : packets.subspan(taken)) {
        port->counters().drop_unsent(left, DropReason::ring_full);
        left.reset();
      }
    }
  }
}

}  // namespace bellpull::netdrv
