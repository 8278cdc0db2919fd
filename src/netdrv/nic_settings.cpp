// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/nic_settings.hpp"

#include <array>
#include <stdexcept>
#include <string>

namespace bellpull::netdrv {

namespace {

constexpr std::uint64_t kHour = 3'600'000'000'000;

// A member, by the way to it.
template <auto Member>
[[nodiscard]] constexpr NicNumber number(std::string_view name, std::string_view help,
                                         std::uint64_t least, std::uint64_t most) {
  return {name,
          help,
          least,
          most,
          [](const NicSettings& settings) { return std::uint64_t{settings.*Member}; },
          [](NicSettings& settings, std::uint64_t to) {
            settings.*Member = static_cast<std::remove_reference_t<decltype(settings.*Member)>>(to);
          }};
}

// The same for a member of a member.
template <auto Outer, auto Member>
[[nodiscard]] constexpr NicNumber inner_number(std::string_view name, std::string_view help,
                                               std::uint64_t least, std::uint64_t most) {
  return {name,
          help,
          least,
          most,
          [](const NicSettings& settings) { return std::uint64_t{settings.*Outer.*Member}; },
          [](NicSettings& settings, std::uint64_t to) {
            auto& member = settings.*Outer.*Member;
            member = static_cast<std::remove_reference_t<decltype(member)>>(to);
          }};
}

template <auto Member>
[[nodiscard]] constexpr NicNumber napi_number(std::string_view name, std::string_view help,
                                              std::uint64_t least, std::uint64_t most) {
  return inner_number<&NicSettings::napi, Member>(name, help, least, most);
}

template <auto Member>
[[nodiscard]] constexpr NicNumber adaptive_number(std::string_view name, std::string_view help,
                                                  std::uint64_t most) {
  return inner_number<&NicSettings::adaptive, Member>(name, help, 1, most);
}

constexpr std::array kNumbers = {
    number<&NicSettings::budget>("budget", "most frames per poll of a port", 1, kMaxBudget),
    number<&NicSettings::byte_budget>("byte-budget", "most bytes per poll of a port", 1, ~0U),
    number<&NicSettings::round_budget>("round-budget", "most frames per round of all ports", 1,
                                       65536),
    number<&NicSettings::round_ns>("round-ns", "longest round in ns; 0: no limit", 0, kHour),
    napi_number<&NapiSettings::defer_hard_irqs>(
        "defer-hard-irqs", "polls without work before the bell is listened for again", 0,
        1'000'000),
    napi_number<&NapiSettings::gro_flush_timeout_ns>(
        "gro-flush-timeout", "ns between these polls; 0: none of them", 0, kHour),
    napi_number<&NapiSettings::prefer_busy_poll>(
        "prefer-busy-poll", "1: whoever calls the loop polls before it listens", 0, 1),
    number<&NicSettings::busy_poll_budget>("busy-poll-budget", "most frames per such poll", 1,
                                           kMaxBudget),
    napi_number<&NapiSettings::irq_suspend_timeout_ns>(
        "irq-suspend-timeout", "longest ns without listening while the caller works; 0: do not", 0,
        kHour),
    adaptive_number<&AdaptiveOptions::enter_rate>(
        "enter-rate", "adaptive: polls above so many frames per second", 1'000'000'000),
    adaptive_number<&AdaptiveOptions::enter_window_ns>(
        "enter-window", "adaptive: ns over which that is judged", kHour),
    adaptive_number<&AdaptiveOptions::leave_rate>(
        "leave-rate", "adaptive: listens below so many frames per second", 1'000'000'000),
    adaptive_number<&AdaptiveOptions::leave_window_ns>(
        "leave-window", "adaptive: ns over which that is judged", kHour),
    adaptive_number<&AdaptiveOptions::silence_ns>(
        "silence", "adaptive: listens after so many ns without a frame", kHour),
    number<&NicSettings::moderation>("moderation",
                                     "adaptive: 1: finds out how long to defer by itself", 0, 1),
    number<&NicSettings::threaded>("threaded", "1: a thread per port", 0, 1),
    number<&NicSettings::latency_every>(
        "latency-every", "of so many frames that carry a time one is measured; 0: none", 0,
        1'000'000),
};

}  // namespace

std::span<const NicNumber> nic_numbers() noexcept {
  return kNumbers;
}

void check(const NicSettings& settings) {
  for (const NicNumber& number : kNumbers) {
    const std::uint64_t value = number.get(settings);
    if (value >= number.least && value <= number.most) continue;
    throw std::invalid_argument(std::string(number.name) + " of " + std::to_string(value) +
                                ": choose " + std::to_string(number.least) + " to " +
                                std::to_string(number.most));
  }
}

}  // namespace bellpull::netdrv
