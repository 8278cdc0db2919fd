// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/shared_region.hpp"

namespace bellpull::ring {

/// How Doorbell::wait() ended.
enum class Wake : std::uint8_t {
  rang,         ///< somebody rang; the bell is silent again
  peer_gone,    ///< the process of the pidfd ended, and nobody rang
  timeout,      ///< nothing happened in time
  interrupted,  ///< a signal was handled meanwhile
  failed,       ///< the system refused; see errno
};

/// The bell of a ring: an eventfd, which one side rings when a tested publish says so, and which
/// the other has in its epoll loop, or waits for. The halves count what they rang and what they did
/// not.
///
/// The sleeping side:
///
///     if (!half.arm()) { epoll_wait(...); bell.hear(); }   // true: there is work already
///     half.disarm();                                       // while it works
///
/// The ringing side: `if (batch.commit_and_test()) bell.ring();`. The order of arm() and of the
/// re-check in it is what loses no wake-up; the bell itself orders nothing.
class Doorbell {
 public:
  /// No bell.
  Doorbell() = default;
  /// The bell of `other`, which has none then.
  Doorbell(Doorbell&& other) noexcept;
  /// The same; a bell that was there is closed.
  Doorbell& operator=(Doorbell&& other) noexcept;
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell();

  /// Makes a bell. Its file descriptor may be sent to another process, which adopts it there.
  [[nodiscard]] SetupStatus make() noexcept;

  /// Takes over an eventfd that came from elsewhere and makes it non-blocking; it is closed with
  /// the bell. Needs /proc. Refused: what is no eventfd. On an error it stays the caller's.
  [[nodiscard]] SetupStatus adopt(int eventfd) noexcept;

  /// Rings. Any thread; does not block. Rings that nobody heard yet are one. False when the system
  /// refused, which a bell that was made never sees. Who shares the eventfd and means harm can make
  /// it block: by filling the counter and taking O_NONBLOCK away; or count rings one by one, with
  /// an eventfd that was made so.
  bool ring() noexcept;

  /// Silences the bell; whether it had rung. Any thread; does not block, whatever flags a peer
  /// sets.
  bool hear() noexcept;

  /// Sleeps until the bell rings, and silences it; or until the process of `pidfd` ends, if that is
  /// not -1; or for `milliseconds`, if those are not negative. Blocks. When another thread hears
  /// the ring first, it ends as after a timeout.
  [[nodiscard]] Wake wait(int milliseconds, int pidfd = -1) noexcept;

  /// For the caller's epoll loop: readable when it rang. -1 without a bell.
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  void close() noexcept;

  int fd_ = -1;
};

}  // namespace bellpull::ring
