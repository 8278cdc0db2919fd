// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "bellpull/engine/counter.hpp"
#include "bellpull/netdrv/app.hpp"

namespace bellpull::tools::compare {

/// How many turns of spin() take a nanosecond on this machine, measured once for about 20 ms.
[[nodiscard]] double turns_per_ns();

/// Keeps the processor busy. Turns and not a deadline: what is preempted meanwhile has still to be
/// done afterwards.
void spin(std::uint64_t turns) noexcept;

/// An application that charges the same for each frame and is then done with it.
class Worker final : public netdrv::App {
 public:
  /// `work_ns` nanoseconds of processor time per frame, which then goes to port number `onto`;
  /// none: it is consumed.
  explicit Worker(unsigned work_ns, std::optional<unsigned> onto = {});

  // See App.
  void receive(unsigned port, std::span<netdrv::Packet> burst,
               netdrv::Egress& egress) noexcept override;

  /// Frames that it is done with. Any thread.
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_.value(); }

 private:
  const std::uint64_t turns_;
  const std::optional<unsigned> onto_;
  engine::Counter frames_;
};

}  // namespace bellpull::tools::compare
