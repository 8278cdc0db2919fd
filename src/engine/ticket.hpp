// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/engine/completion.hpp"

namespace bellpull::engine {

/// What belongs to a transfer and the ring does not carry, by head. Nothing the device half can
/// believe or forge. The driver half writes it before it publishes.
struct Ticket {
  Cookie cookie = 0;
  std::uint64_t token = 0;
  // The driver half's own:
  std::uint32_t length = 0;  // operations: bytes of the transfer
  std::uint32_t plain = 0;   // operations: see plain_length()
  std::uint16_t next = 0;    // links a batch between prepare and submit
  std::uint16_t kept = 0;    // slots that stay with a reusable transfer when it was polled
};

}  // namespace bellpull::engine
