// SPDX-License-Identifier: BSD-2-Clause
// A sixth completion style, made out of the library's public headers alone: Style::poll with its
// budget thrown away. Whatever has arrived is pulled at once, into a backlog; what has no room
// there was received for nothing. The budget only bounds what is handed over from the backlog.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "bellpull/netdrv/style_port.hpp"

namespace bellpull::bench {

class UnbudgetedPort final : public netdrv::StylePort {
 public:
  explicit UnbudgetedPort(const netdrv::PortParts& parts)
      : StylePort(parts), rx_(open_rx(0, bell_, {})), tx_(open_tx(0, bell_, {})) {
    backlog_.reserve(options_.backlog);
    fill();
  }
  ~UnbudgetedPort() override { wind_down(); }

  void own() noexcept override { adopt_pool(); }
  void start() noexcept override { rx_->issue(); }

  netdrv::Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    pull_all();
    const netdrv::Polled polled =
        poll_bursts(budget, byte_budget, [this](unsigned want, Burst& burst) noexcept {
          unsigned count = 0;
          while (count < want && next_ < backlog_.size()) {
            burst.add(std::move(backlog_[next_++]));
            ++count;
          }
          return count;
        });
    if (next_ == backlog_.size()) {
      backlog_.clear();
      next_ = 0;
    }
    return polled;
  }

  unsigned tx(std::span<netdrv::Packet> packets) noexcept override {
    if (state() != netdrv::PortState::running) return refuse(packets);
    const unsigned taken =
        frames_.send(packets, counters_, [this](auto batch) noexcept { tx_->post(batch); });
    tx_->issue();
    return taken;
  }

  unsigned reclaim() noexcept override {
    const unsigned count = tx_->poll(done_);
    for (const engine::Completion& done : std::span(done_).first(count)) {
      settle(done.token, netdrv::result_of(done), counters_);
    }
    return count;
  }

  engine::Armed arm() noexcept override {
    return next_ != backlog_.size() ? engine::Armed::work_pending : rx_->arm();
  }
  void disarm() noexcept override { rx_->disarm(); }

  void stop_rx() noexcept override {
    buffers_.close();
    rx_->stop();
  }
  void stop_tx() noexcept override {
    tx_->stop();
    reclaim();
    set_stopped();
  }

  [[nodiscard]] std::uint64_t notifies() const noexcept override { return rx_->stats().notifies; }
  [[nodiscard]] std::uint64_t border_calls() const noexcept override { return calls_.value(); }

 private:
  unsigned fill() noexcept {
    return buffers_.refill([this](auto batch) noexcept {
      return rx_->post(batch).kind == engine::PrepareError::Kind::none;
    });
  }

  void pull_all() noexcept {
    unsigned count = 0;
    do {
      count = rx_->poll(done_);
      calls_.add(1);
      for (const engine::Completion& done : std::span(done_).first(count)) {
        netdrv::Packet packet = accept(done.token, netdrv::result_of(done), counters_);
        if (!packet) continue;
        if (backlog_.size() == options_.backlog) {
          counters_.drop_received(packet, netdrv::DropReason::backlog_full);
        } else {
          backlog_.push_back(std::move(packet));
        }
      }
      if (fill() != 0) rx_->issue();
    } while (count == done_.size());
  }

  std::array<engine::Completion, netdrv::kBurst> done_;
  std::vector<netdrv::Packet> backlog_;
  std::size_t next_ = 0;  // of it, to be handed over
  std::unique_ptr<engine::StreamChannel> rx_;
  std::unique_ptr<engine::StreamChannel> tx_;
};

}  // namespace bellpull::bench
