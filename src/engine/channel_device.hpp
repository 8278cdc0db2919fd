// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/channel.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/notify.hpp"
#include "device_queue.hpp"
#include "ticket.hpp"

namespace bellpull::engine {

/// What an owner may ask of a device half, to be done on the thread that runs the engine.
enum class Control : std::uint8_t {
  stop,       ///< end everything, for good
  pause,      ///< move nothing until resume
  resume,     ///< go on
  terminate,  ///< end what was submitted until now
  reset,      ///< leave the halted state
};

/// The device half of a channel: between its ring and its back-end. The engine knows no more of it
/// than this, and calls it once per round. Every member is called on the thread that runs the
/// engine, or while that thread is parked, unless it says otherwise.
class alignas(ring::kCacheLine) ChannelDevice {
 public:
  ChannelDevice(QueueLayout layout, std::uint32_t size, std::unique_ptr<Backend> backend,
                const Notify& notify, std::size_t beside = 0)
      : backend_(std::move(backend)),
        capabilities_(backend_->capabilities()),
        notify_(notify),
        queue_(layout, size, beside),
        tickets_(size) {}
  ChannelDevice(const ChannelDevice&) = delete;
  ChannelDevice& operator=(const ChannelDevice&) = delete;
  virtual ~ChannelDevice() = default;

  [[nodiscard]] const DeviceQueue& queue() const noexcept { return queue_; }
  [[nodiscard]] std::span<Ticket> tickets() noexcept { return tickets_; }
  /// Slots of the ring.
  [[nodiscard]] std::uint32_t size() const noexcept { return queue_.size(); }
  /// Of the back-end.
  [[nodiscard]] const Capabilities& capabilities() const noexcept { return capabilities_; }
  [[nodiscard]] WaitSource wait_source() const noexcept { return backend_->wait_source(); }

  /// Starts what was issued and reaps what is done, at most `limit` completions.
  virtual unsigned run(unsigned limit) noexcept = 0;

  /// Whether run() would find something to do.
  [[nodiscard]] virtual bool runnable() noexcept = 0;

  /// Before sleeping: asks to be kicked. True: there is work already.
  [[nodiscard]] virtual bool arm() noexcept = 0;
  void disarm() noexcept {
    queue_.with([](auto& ring) noexcept { ring.disarm(); });
  }

  virtual void control(Control wanted) noexcept = 0;

  /// Whether nothing ends before somebody resumes it who need not be the owner. Any thread.
  [[nodiscard]] virtual bool stands_still() const noexcept { return false; }

  /// Whether nothing is left that run() could move: it ended in would-block, or there is nothing
  /// issued.
  [[nodiscard]] bool settled() noexcept { return blocked_ || !runnable(); }

  /// What it counted: all of ChannelStats but what the client's half counts.
  [[nodiscard]] ChannelStats stats() const noexcept {
    ChannelStats stats;
    stats.completed = completed.value();
    stats.failed = failed.value();
    stats.bytes = bytes.value();
    stats.notifies = notifies.value();
    stats.bad_done = bad_done.value();
    return stats;
  }

  /// Its wait source reported these events: the device may be able to go on.
  void woken(std::uint32_t events) noexcept {
    backend_->woken(events);
    unblock();
  }

  /// Nobody said so, but its owner does not sleep until somebody does.
  void retry() noexcept {
    if (blocked_ && !backend_->quiet()) unblock();
  }

  /// Whether run() would find nothing, whoever asks, until somebody stirs it.
  [[nodiscard]] bool resting() const noexcept { return resting_; }

  /// Its client says what he issues, on the thread that runs the engine: it may rest between.
  void let_rest() noexcept { may_rest_ = true; }

  /// Something was issued or asked of it.
  void stir() noexcept { resting_ = false; }

 private:
  bool resting_ = false;  // in the first cache line: of most devices no other is looked at
  bool may_rest_ = false;

 public:
  Counter completed;
  Counter failed;
  Counter bytes;
  Counter notifies;
  Counter bad_done;

 protected:
  static constexpr unsigned kBatch = 64;

  /// For run(), that found nothing.
  void rest() noexcept { resting_ = may_rest_; }

  /// Shows what was completed, and rings the bell if it was asked for.
  void publish() noexcept {
    if (notify_.ring == nullptr) {
      queue_.with([](auto& ring) noexcept { ring.publish(); });
    } else if (queue_.with([](auto& ring) noexcept { return ring.publish_and_test(); })) {
      notifies.add(1);
      notify_.ring(notify_.context);
    }
  }

  void unblock() noexcept {
    blocked_ = false;
    stir();
  }

  std::unique_ptr<Backend> backend_;
  const Capabilities capabilities_;
  const Notify notify_;
  DeviceQueue queue_;
  std::vector<Ticket> tickets_;
  bool blocked_ = false;
};

}  // namespace bellpull::engine
