// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "explorer/explorer.hpp"
#include "napi_explorer/machine.hpp"
#include "napi_explorer/modelled.hpp"

namespace bellpull::netdrv::explorer {

/// Mistakes that can be made around a machine, each the negation of a habit.
struct Habits {
  bool waits_for_disable = true;  ///< R11
  bool schedules_after_enable = true;
  bool minds_timer = true;      ///< R13: whoever got `deferred` sees to the timer
  bool polls_once_more = true;  ///< R17: after busy_poll_end()
};

/// A device with a few sources of events, each with a one-shot bell, and the machine that decides
/// who polls it; plus the threads of a small program, each a function.
class NapiScenario final : public ring::explorer::Scenario, public Device {
 public:
  static constexpr unsigned kMostSources = 2;
  /// In place of a poller: whoever took ownership polls.
  static constexpr unsigned kSelf = 2;
  using Code = std::function<void(NapiScenario&)>;

  struct Shape {
    unsigned sources = 1;
    unsigned budget = 2;
    unsigned defer_hard_irqs = 0;
    bool prefer_busy_poll = false;
    /// A bell that rings for each event, and a device that cannot be masked or looked at again:
    /// what is missed is remembered by the machine or not at all.
    bool edge = false;
  };

  NapiScenario(ring::explorer::World& world, MakeMachine make, const Habits& habits,
               const Shape& shape, std::span<const Code> code);

  [[nodiscard]] unsigned threads() const override { return static_cast<unsigned>(code_.size()); }
  void set_up() override;
  void run(unsigned thread) override;
  [[nodiscard]] bool at_rest() override;
  void check() override { static_cast<void>(at_rest()); }

  unsigned poll(unsigned budget) noexcept override;
  engine::Armed unmask() noexcept override;
  void mask() noexcept override;

  // What threads are made of.

  /// A frame comes from a source, and its bell rings if it is armed.
  void event(unsigned source, unsigned poller);
  /// Polls whenever its bell rings, for ever.
  void poller(unsigned number);
  /// Waits for the timer whenever it was set, for ever.
  void timer();
  /// One round of busy polling, which may try to complete, and the end of it. How that ended.
  Ended busy_poll(bool completes);
  /// Puts the timer off.
  void suspend();
  /// Schedules and masks.
  void schedule(unsigned poller);
  /// Disables, waits, and is alone with the device.
  void stop();
  /// Enables, and schedules for what came meanwhile.
  void start(unsigned poller);

 private:
  struct Source {
    Modelled<std::uint32_t> frames{0, "frames"};
    Modelled<std::uint32_t> armed{1, "armed"};
  };
  Ended serve();
  void hand_over(unsigned poller);
  [[nodiscard]] bool sleep(ring::explorer::Bell& bell);
  void wrong(const char* what);
  template <class Look>
  [[nodiscard]] static auto newest(const Look& look) noexcept;
  static std::uint64_t time(void* self) noexcept;

  ring::explorer::World& world_;
  const Habits habits_;
  const Shape shape_;
  const std::span<const Code> code_;
  std::array<Source, kMostSources> sources_;
  Plain<std::uint64_t> device_{0};
  std::array<ring::explorer::Bell, 2> bells_;
  ring::explorer::Bell timer_bell_;
  std::unique_ptr<Machine> napi_;
  // For the judge, who sees everything: no part of the program.
  unsigned raised_ = 0;
  unsigned polled_ = 0;
  unsigned inside_ = 0;
  unsigned asleep_ = 0;
  unsigned gone_ = 0;
  bool enabled_ = true;
  unsigned timer_thread_ = 0;
  std::uint64_t later_ = 0;
};

/// A small program around a machine.
struct Program {
  std::string_view name;
  NapiScenario::Shape shape;
  std::vector<NapiScenario::Code> code;
  bool large = false;  ///< has more than 100,000 executions
};

/// All of them, the large ones last.
[[nodiscard]] std::span<const Program> programs();

}  // namespace bellpull::netdrv::explorer
