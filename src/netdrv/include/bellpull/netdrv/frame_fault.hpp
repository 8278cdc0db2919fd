// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bellpull/engine/fault_turns.hpp"

namespace bellpull::netdrv {

/// What goes wrong with a frame between a port and its device.
enum class FrameFaultKind : std::uint8_t {
  error,       ///< the read or write fails; the frame is lost, unless the errno value is transient
  short_read,  ///< a read returns so little that there is no Ethernet header in it
  truncate,    ///< the frame loses its end, behind the Ethernet header
  drop,        ///< it vanishes, and nobody is told
  duplicate,   ///< it comes twice
  corrupt,     ///< one of its bits is flipped
  reorder,     ///< it comes after frames that were behind it
  delay,       ///< it comes later
};

/// How many kinds there are.
inline constexpr std::size_t kFrameFaultKinds = 8;

/// Its word, as in plans and statistics.
[[nodiscard]] constexpr std::string_view name_of(FrameFaultKind kind) noexcept {
  constexpr std::array<std::string_view, kFrameFaultKinds> names = {
      "errno", "short", "truncate", "drop", "duplicate", "corrupt", "reorder", "delay"};
  return names[static_cast<std::size_t>(kind)];
}

/// Longest delay, in microseconds.
inline constexpr std::uint32_t kMaxFrameDelay = 60'000'000;

/// Most frames that may overtake a reordered one.
inline constexpr std::uint32_t kMaxReorder = 1024;

/// Which frames are hit, and with what. Those that the kind cannot hit are not counted: a write is
/// never short, and a frame without a byte behind its Ethernet header cannot lose it. Received and
/// sent frames are counted apart.
struct FrameFaultRule {
  FrameFaultKind kind = FrameFaultKind::drop;  ///< what happens
  bool rx = true;                              ///< to frames that are received
  bool tx = true;                              ///< to frames that are sent
  bool gso = false;                            ///< only to frames whose header has a GSO type
  bool header = false;                         ///< corrupt: in the virtio-net header
  std::int32_t error = 0;                      ///< error: the errno value, 1 to 4095
  std::uint32_t frames = 1;                    ///< reorder: so many overtake, 1 to kMaxReorder
  std::uint32_t delay_us = 0;                  ///< delay: 1 to kMaxFrameDelay microseconds
  engine::FaultTurn turn = {};                 ///< to which of them

  /// Whether all members are equal.
  bool operator==(const FrameFaultRule&) const = default;
};

/// Rules in their order: the first that hits a frame has it. The same plan and the same sequence of
/// frames make the same faults.
struct FrameFaultPlan {
  std::vector<FrameFaultRule> rules;  ///< none: no faults
  std::uint64_t seed = 1;             ///< of what is left to chance

  /// Whether all members are equal.
  bool operator==(const FrameFaultPlan&) const = default;
};

/// A plan, or why there is none.
struct ParsedFrameFaults {
  FrameFaultPlan plan;  ///< empty when it failed
  std::string error;    ///< names the word that was wrong, and what could stand there; else empty
  /// Whether there is a plan.
  explicit operator bool() const noexcept { return error.empty(); }
};

/// Reads a plan: rules with `;` between them, of words with `:` between them, as plans for memory
/// operations have them (engine/fault_plan.hpp). One word of a rule is its kind: `errno=NAME` (or a
/// number), `short`, `truncate`, `drop`, `duplicate`, `corrupt`, `corrupt=header`, `reorder`,
/// `reorder=FRAMES`, `delay=MICROSECONDS`. Others are `rx` or `tx` (neither: both), `gso`,
/// `every=`, `offset=`, `chance=` (in a million) and `limit=`. A rule `seed=7` is the seed. For
/// example `rx:drop:every=100;tx:errno=EINVAL:gso:limit=3`. Any thread; allocates.
[[nodiscard]] ParsedFrameFaults parse_frame_faults(std::string_view text);

/// The plan as parse_frame_faults() reads it; what is as usual is left out. Any thread; allocates.
[[nodiscard]] std::string to_text(const FrameFaultPlan& plan);

}  // namespace bellpull::netdrv
