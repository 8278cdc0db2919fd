// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bellpull/netdrv/frame_fault.hpp"
#include "bellpull/netdrv/tap_device.hpp"
#include "frame_copies.hpp"
#include "frame_limits.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

/// Bytes that every frame has, the header of virtio-net included.
inline constexpr std::uint32_t kLeastFrame = kVnetHeader + kEthernetHeader;

/// A frame as a plan looks at it: bytes with the virtio-net header, and whether that has a GSO
/// type.
struct FrameLook {
  std::uint64_t bytes = 0;
  bool gso = false;
};

/// Looks at the first so many bytes of a list.
[[nodiscard]] inline FrameLook look_at(std::span<const engine::Segment> list,
                                       std::uint64_t bytes) noexcept {
  constexpr std::size_t kAt = offsetof(VnetHeader, gso_type);
  return {bytes, bytes > kAt && byte_at(list, kAt) != std::byte{kVnetGsoNone}};
}

/// What befalls a frame. Without a rule: nothing.
struct FrameFault {
  const FrameFaultRule* rule = nullptr;
  std::uint64_t random = 0;
};

/// Decides on the frames of one direction.
class FrameFaultChoice {
 public:
  FrameFaultChoice(const FrameFaultPlan& plan, bool receives) {
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      const FrameFaultRule& rule = plan.rules[i];
      if (receives ? rule.rx : rule.tx && rule.kind != FrameFaultKind::short_read) {
        rules_.push_back({rule, engine::FaultTurns(rule.turn, plan.seed, 2 * i + receives)});
      }
    }
  }

  /// Whether nothing can happen.
  [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }

  /// What befalls the next frame.
  [[nodiscard]] FrameFault next(const FrameLook& frame) noexcept {
    FrameFault fault;
    for (Entry& entry : rules_) {
      if (!concerns(entry.rule, frame)) continue;
      const bool hit = fault.rule == nullptr && entry.turns.hits();
      if (hit) fault = {&entry.rule, entry.turns.random(2)};
      entry.turns.saw(hit);
    }
    return fault;
  }

 private:
  struct Entry {
    FrameFaultRule rule;
    engine::FaultTurns turns;
  };

  static bool concerns(const FrameFaultRule& rule, const FrameLook& frame) noexcept {
    if (rule.gso && !frame.gso) return false;
    if (rule.kind == FrameFaultKind::corrupt) return frame.bytes != 0;
    if (rule.kind == FrameFaultKind::short_read) return frame.bytes >= kLeastFrame;
    return rule.kind != FrameFaultKind::truncate || frame.bytes > kLeastFrame;
  }

  std::vector<Entry> rules_;
};

/// The byte of a frame that `random` picks to be changed, and how.
struct FlippedBit {
  FlippedBit(const FrameFault& fault, std::uint64_t bytes) noexcept
      : at(fault.random % (fault.rule->header && bytes > kVnetHeader ? kVnetHeader : bytes)),
        mask(std::byte{1} << (fault.random >> 61)) {}
  std::uint64_t at;
  std::byte mask;
};

/// What is left of a frame of so many bytes that was cut short.
[[nodiscard]] inline std::uint64_t cut_length(const FrameFault& fault,
                                              std::uint64_t bytes) noexcept {
  if (fault.rule->kind == FrameFaultKind::short_read) return fault.random % kLeastFrame;
  return kLeastFrame + fault.random % (bytes - kLeastFrame);
}

}  // namespace bellpull::netdrv
