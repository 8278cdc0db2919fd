// SPDX-License-Identifier: BSD-2-Clause
#include <array>
#include <memory>
#include <string_view>

#include "explorer/mpsc_scenarios.hpp"
#include "explorer/overwrite_scenarios.hpp"
#include "explorer/scenarios.hpp"
#include "explorer/spsc_scenarios.hpp"

namespace bellpull::ring::explorer {
namespace {

template <class Kind>
Program program(std::string_view name, const Shape& shape, bool large = false) {
  return {name, large, [shape](World& world, const Habits& habits) {
            return std::make_unique<Kind>(world, habits, shape);
          }};
}

}  // namespace

std::span<const Program> value_programs() {
  static const std::array programs = {
      program<BothLook>("both look, three values through two slots", {.capacity = 2, .values = 3}),
      program<BothLook>("both look, batches", {.capacity = 2, .values = 4, .batch = 2}),
      program<BothLook>("both look, a capacity that is no power of two",
                        {.capacity = 3, .values = 5, .batch = 2}),
      program<ConsumerSleeps>("the consumer sleeps, two values", {.capacity = 4, .values = 2}),
      program<ConsumerSleeps>("the consumer sleeps, four values in two batches",
                              {.capacity = 4, .values = 4, .batch = 2}),
      program<ProducerSleeps>("the producer sleeps, two slots", {.capacity = 2, .values = 4}),
      program<ProducerSleeps>("the producer sleeps, one slot", {.capacity = 1, .values = 2}),
      program<BothSleepOnValues>("both sleep, two values through one slot",
                                 {.capacity = 1, .values = 2}),
      program<ManyLook>("two producers, two slots", {.capacity = 2, .values = 1}),
      program<ManyLook>("two producers, one slot", {.capacity = 1, .values = 1}),
      program<ManyLook>("two producers, batches", {.capacity = 4, .values = 2, .batch = 2}),
      program<OneCancels>("two producers, one cancels a slot",
                          {.capacity = 4, .values = 2, .batch = 2}),
      program<ManyAndSleep>("two producers, the consumer sleeps", {.capacity = 2, .values = 1}),
      program<OneDies<false>>("a producer dies with a claim", {.capacity = 2, .values = 1}),
      program<OneDies<true>>("a producer dies before its claim", {.capacity = 2, .values = 1}),
      program<OneDies<true>>("a producer dies before its claim, the other goes on",
                             {.capacity = 2, .values = 2}),
      program<NobodyLies>("two producers, nobody is taken for a liar", {.capacity = 1}),
      program<Overwrites>("one slot is overwritten", {.capacity = 1, .values = 3}),
      program<Overwrites>("two slots are overwritten", {.capacity = 2, .values = 3}),
      program<OverwritesAndSleeps>("overwritten, and the consumer sleeps",
                                   {.capacity = 1, .values = 2}),
  };
  return programs;
}

}  // namespace bellpull::ring::explorer
