// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "bellpull/engine/stream_channel.hpp"
#include "bellpull/netdrv/style_port.hpp"

namespace bellpull::netdrv {

/// What the styles share that run over channels, which is all of them but virtqueue: posting, and
/// stopping. Left to each is what comes back.
class ChannelPort : public StylePort {
 public:
  // The contract of these is port.hpp's.
  void start() noexcept final;
  unsigned tx(std::span<Packet> packets) noexcept override;
  void stop_rx() noexcept final;
  void stop_tx() noexcept final;
  [[nodiscard]] std::uint64_t notifies() const noexcept override;

 protected:
  /// Where the completions of both channels go. A sink hears of transfers before their slots are
  /// free again: it gets as many more as a round of the engine reports.
  struct Ends {
    engine::Notify bell{};
    engine::CompletionSink received{};
    engine::CompletionSink sent{};
  };

  /// Opens both channels and fills the receive ring.
  ChannelPort(const PortParts& parts, const Ends& ends);

  /// Posts what is missing in the receive ring. For the thread that owns the receive channel, whose
  /// counter of calls it gets.
  void refill(engine::Counter& calls) noexcept;

  std::unique_ptr<engine::StreamChannel> rx_;  ///< the receive channel
  std::unique_ptr<engine::StreamChannel> tx_;  ///< the transmit channel

 private:
  unsigned fill() noexcept;
};

}  // namespace bellpull::netdrv
