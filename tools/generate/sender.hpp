// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "generate/traffic.hpp"

namespace bellpull::tools::generate {

/// What became of frames: attempted = sent + dropped.
struct Sent {
  std::uint64_t attempted = 0;  ///< frames
  std::uint64_t bytes = 0;      ///< of these
  std::uint64_t sent = 0;       ///< those that the interface took
  std::uint64_t dropped = 0;    ///< those that it had no room for

  /// Adds up.
  Sent& operator+=(const Sent& more) noexcept {
    attempted += more.attempted;
    bytes += more.bytes;
    sent += more.sent;
    dropped += more.dropped;
    return *this;
  }
};

/// An interface to send into.
struct Target {
  std::string name;    ///< for messages
  unsigned index = 0;  ///< in the network namespace of the thread
};

/// Sends the frames of a Traffic, in order. One thread.
class Sender {
 public:
  Sender() = default;
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  virtual ~Sender() = default;

  /// Sends the next `count` frames and blocks meanwhile. They say that they were scheduled at
  /// `due_ns` of CLOCK_MONOTONIC, or, if that is 0, when each was written. Throws std::system_error
  /// when the interface takes none.
  virtual Sent send(std::uint64_t count, std::uint64_t due_ns) = 0;
};

/// A packet socket. `qdisc`: frames go through the queueing discipline, which may drop them later
/// without saying so here. Throws std::system_error.
[[nodiscard]] std::unique_ptr<Sender> make_packet_sender(const Target& target,
                                                         const Traffic& traffic, bool qdisc);

/// The longest frame that fits the page of a live frame, with what the kernel keeps there.
inline constexpr std::uint16_t kMostXdpFrame = 3392;

/// An XDP program that redirects live frames into the interface. It runs on a thread of its own,
/// which is never idle: while there is nothing to send it looks for more. Drops are seen by another
/// program, at a tracepoint. Throws std::system_error with the end of the verifier's log when the
/// kernel refuses it, std::runtime_error when the program was built without or a frame is too long.
[[nodiscard]] std::unique_ptr<Sender> make_xdp_sender(const Target& target, const Traffic& traffic);

}  // namespace bellpull::tools::generate
