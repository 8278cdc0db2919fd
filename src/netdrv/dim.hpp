// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bellpull::netdrv {

/// Totals since some beginning, read at the same moment. They never go back.
struct DimSample {
  std::uint64_t time_ns = 0;   ///< on any clock that never goes back
  std::uint64_t packets = 0;   ///< received
  std::uint64_t bytes = 0;     ///< in them
  std::uint64_t events = 0;    ///< schedules of the instance, by a bell or by the timer
  std::uint64_t added_ns = 0;  ///< by how much deferral made packets wait, summed over them
};

/// Dynamic interrupt moderation: finds by trial how long a NAPI instance should stay masked after a
/// poll. In the manner of the kernel's net_dim: it climbs from profile to profile as long as things
/// get better, and parks where they do not.
///
/// Better is, in this order and by more than a tenth: more bytes per second, more packets per
/// second, packets that wait less (once they wait for longer than is tolerated), fewer events per
/// second. Nothing is tried while packets are too few for any profile to gather two. No I/O, the
/// time handed in. One thread.
class Dim {
 public:
  /// Profiles, from no deferral to the most.
  static constexpr std::array<std::uint64_t, 5> kDeferralNs = {0, 8'000, 64'000, 128'000, 256'000};
  /// Events between two decisions.
  static constexpr std::uint64_t kEvents = 64;
  /// So long without an event, and what was learnt is stale.
  static constexpr std::uint64_t kIdleNs = 100'000'000;

  /// What it is doing.
  enum class State : std::uint8_t {
    going_right,     ///< trying more deferral
    going_left,      ///< trying less
    parking_on_top,  ///< this is the best; leaves when things change
    parking_tired,   ///< went back and forth and found no best; rests, then tries again
  };

  /// Packets may wait for `tolerated_ns` each, on average, before waiting counts.
  explicit Dim(std::uint64_t tolerated_ns = 50'000) noexcept : tolerated_ns_(tolerated_ns) {}

  /// Called once per event. True: the profile changed. After kIdleNs without a call it begins anew,
  /// with no deferral.
  bool sample(const DimSample& now) noexcept;

  /// Position in kDeferralNs.
  [[nodiscard]] std::size_t profile() const noexcept { return profile_; }
  /// How long to defer: 0 is not at all.
  [[nodiscard]] std::uint64_t deferral_ns() const noexcept { return kDeferralNs[profile_]; }
  /// What it is doing.
  [[nodiscard]] State state() const noexcept { return state_; }

 private:
  enum class Verdict : std::uint8_t { better, same, worse };

  // Per second, and nanoseconds per packet.
  struct Rates {
    double bytes = 0;
    double packets = 0;
    double added_ns = 0;
    double events = 0;
  };

  [[nodiscard]] static Rates rates(const DimSample& from, const DimSample& to) noexcept;
  [[nodiscard]] Verdict compare(const Rates& now) const noexcept;
  void begin(const DimSample& now) noexcept;
  void decide(const Rates& now) noexcept;
  void climb(const Rates& now) noexcept;
  void turn() noexcept;
  void step() noexcept;
  void park(State where) noexcept;
  void leave_parking() noexcept;

  std::uint64_t tolerated_ns_;
  std::size_t profile_ = 0;
  State state_ = State::going_right;
  bool measuring_ = false;  // since start_
  bool begun_ = false;      // before_ is there
  unsigned leg_ = 0;        // steps since the latest turn
  unsigned last_leg_ = 0;   // steps before it
  unsigned tired_ = 0;  // steps of this search; of one that was given up, decisions left to rest
  DimSample start_;
  std::uint64_t last_ns_ = 0;
  Rates before_;
};

}  // namespace bellpull::netdrv
