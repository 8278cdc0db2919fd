// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/engine/cookie.hpp"

namespace bellpull::engine {

/// How a transfer ended.
enum class Status : std::uint8_t {
  ok,             ///< all of it was moved; a receive buffer holds `bytes` bytes
  failed,         ///< the device refused it; `error` is the errno value
  end_of_stream,  ///< the device will never have data again
  aborted,        ///< the channel was stopped while the transfer was under way
  not_attempted,  ///< the channel had been stopped before the transfer was begun
};

/// What became of one transfer. With it the transfer's buffers belong to the client again,
/// whatever the status is.
struct Completion {
  std::uint64_t token = 0;     ///< the client's value from the request
  Cookie cookie = 0;           ///< which transfer of the channel
  std::uint32_t bytes = 0;     ///< bytes moved before it ended
  Status status = Status::ok;  ///< how it ended
  std::int32_t error = 0;      ///< errno value when `failed`, otherwise 0
};

}  // namespace bellpull::engine
