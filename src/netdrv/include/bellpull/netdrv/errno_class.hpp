// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/netdrv/drop_reason.hpp"

namespace bellpull::netdrv {

/// How far an errno value of a read or write reaches.
enum class ErrnoClass : std::uint8_t {
  transient,  ///< nothing was lost: try again later
  frame,      ///< this frame is lost, the next may go
  port,       ///< the port has lost its interface
};

/// What to make of an errno value.
struct ErrnoVerdict {
  ErrnoClass reach = ErrnoClass::frame;         ///< how far it reaches
  DropReason reason = DropReason::write_error;  ///< under which a lost transmit frame is counted
};

/// The verdict on an errno value of a read from a TAP or packet socket. Source: drivers/net/tun.c,
/// tun_do_read and tun_put_user. An unknown value is the port's end, because a reader that goes on
/// would spin.
[[nodiscard]] ErrnoVerdict classify_read(int error) noexcept;

/// The verdict on an errno value of a write. Source: drivers/net/tun.c, tun_get_user. An unknown
/// value costs the frame.
[[nodiscard]] ErrnoVerdict classify_write(int error) noexcept;

}  // namespace bellpull::netdrv
