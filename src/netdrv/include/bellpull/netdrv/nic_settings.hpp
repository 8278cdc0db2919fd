// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "bellpull/netdrv/adaptive.hpp"
#include "bellpull/netdrv/napi.hpp"

namespace bellpull::netdrv {

/// When a Nic listens for the bell and when it just pulls.
enum class Mode : std::uint8_t {
  interrupt,  ///< masked while polling, unmasked and asleep when there is nothing
  poll,  ///< never listens, never sleeps; gives way to its core's other threads when it has nothing
  adaptive,  ///< interrupt when quiet, poll under load, see AdaptiveOptions
};

/// Most frames that a Nic can be told to take per poll.
inline constexpr unsigned kMaxBudget = 4096;

/// What can be changed while a Nic runs. The words are the kernel's where it has them.
struct NicSettings {
  Mode mode = Mode::interrupt;             ///< see Mode
  unsigned budget = 64;                    ///< frames per poll of an instance, 1 to kMaxBudget
  std::uint32_t byte_budget = 256 * 1024;  ///< bytes per poll of an instance, at least 1
  unsigned round_budget = 300;             ///< frames per round (netdev_budget), 1 to 65536
  std::uint64_t round_ns = 2'000'000;      ///< time per round (netdev_budget_usecs); 0: no limit
  unsigned busy_poll_budget = 8;           ///< frames per busy poll of an instance, 1 to 4096
  /// An autonomous engine spins while the Nic polls, and sleeps while it listens. Not for an engine
  /// that keeps time for others, such as that of simulated ports.
  bool spin_engine = false;
  /// Each port is polled by a thread of its own. Needs an autonomous engine, and an application
  /// that several threads may call.
  bool threaded = false;
  NapiSettings napi{};         ///< of every instance
  AdaptiveOptions adaptive{};  ///< Mode::adaptive: when it polls and when it listens
  /// Mode::adaptive: finds for each port how long to defer while it listens, in the manner of the
  /// kernel's net_dim, instead of what `napi` says.
  bool moderation = true;
  unsigned latency_every = 0;  ///< measures one of so many frames that carry a time; 0: none
};

/// A number among the settings, for programs that let their users set it.
struct NicNumber {
  std::string_view name;                                 ///< as it is typed: "round-budget"
  std::string_view help;                                 ///< what it means, on one line
  std::uint64_t least;                                   ///< smallest value it can have
  std::uint64_t most;                                    ///< largest value it can have
  std::uint64_t (*get)(const NicSettings&);              ///< its value
  void (*set)(NicSettings& settings, std::uint64_t to);  ///< changes it, unchecked
};

/// All of them.
[[nodiscard]] std::span<const NicNumber> nic_numbers() noexcept;

/// Throws std::invalid_argument for a number out of its range.
void check(const NicSettings& settings);

}  // namespace bellpull::netdrv
