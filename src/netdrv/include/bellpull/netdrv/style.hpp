// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "bellpull/engine/engine.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/port.hpp"

namespace bellpull::netdrv {

/// How a driver learns that a transfer is done: five styles, push in two forms. Each is one file in
/// src/netdrv/styles and one class behind Port.
enum class Style : std::uint8_t {
  push,          ///< a callback per descriptor, straight from the reap to the stack
  push_backlog,  ///< the same into a bounded queue that a NAPI poll works off, as netif_rx() does
  push_pause,    ///< the same, throttled with pause and resume instead of dropping
  notify,        ///< the bell; then callbacks from inside the poll
  poll,          ///< the bell; then poll(budget)
  virtqueue,     ///< the bell; then the used ring, which the driver holds itself
};

/// Their words, in the order of Style.
inline constexpr std::array<std::string_view, 6> kStyleNames = {
    "push", "push-backlog", "push-pause", "notify", "poll", "virtqueue"};

/// The word of a style.
[[nodiscard]] constexpr std::string_view name_of(Style style) noexcept {
  return kStyleNames[static_cast<std::size_t>(style)];
}

/// How large a port is.
struct PortOptions {
  unsigned rx_ring = 256;   ///< receive buffers posted at most, a power of two, 1 to 8192
  unsigned tx_ring = 256;   ///< frames that can wait for sending, a power of two, 1 to 8192
  unsigned backlog = 1024;  ///< push_backlog: frames that can wait for the stack, 1 to 65536
  bool coalesce = true;     ///< merge frames of a flow into superframes, where the link takes them
};

/// What a port is made of. All but the options outlive it.
struct PortParts {
  engine::Engine& engine;    ///< runs its channels
  PacketPool& pool;          ///< no other port's; the port makes the right thread its owner
  Link& link;                ///< no other port's
  engine::Notify bell;       ///< rung on the thread that runs the engine
  Receiver& stack;           ///< takes what is received
  PortOptions options = {};  ///< see PortOptions
};

/// The buffers that a port over `link` can hold, with all rings full: what its pool must have.
[[nodiscard]] PacketPoolOptions pool_for(const Link& link, const PortOptions& options) noexcept;

/// Makes a port of that style: opens its channels and fills its receive ring. Port::start() lets it
/// begin. Throws std::system_error and, for options out of range, std::invalid_argument.
[[nodiscard]] std::unique_ptr<Port> make_port(Style style, const PortParts& parts);

}  // namespace bellpull::netdrv
