// SPDX-License-Identifier: BSD-2-Clause
#include "napi_explorer/scenario.hpp"

namespace bellpull::netdrv::explorer {
namespace {

using Code = NapiScenario::Code;
constexpr unsigned kSelf = NapiScenario::kSelf;

// Threads, as the programs below put them together.

Code events(unsigned source, unsigned count, unsigned poller) {
  return [=](NapiScenario& s) {
    for (unsigned i = 0; i < count; ++i) s.event(source, poller);
  };
}
Code poller(unsigned number) {
  return [=](NapiScenario& s) { s.poller(number); };
}
void timer(NapiScenario& s) {
  s.timer();
}
void busy(NapiScenario& s) {
  static_cast<void>(s.busy_poll(false));
}
void completing(NapiScenario& s) {
  static_cast<void>(s.busy_poll(true));
}
void suspended(NapiScenario& s) {
  if (s.busy_poll(false) == Ended::deferred) s.suspend();
}
void resumed(NapiScenario& s) {
  if (s.busy_poll(false) != Ended::deferred) return;
  s.suspend();
  s.schedule(kSelf);
}
void scheduled(NapiScenario& s) {
  s.schedule(kSelf);
}
void stopped(NapiScenario& s) {
  s.stop();
}
void switched(NapiScenario& s) {
  s.stop();
  s.start(kSelf);
}

}  // namespace

std::span<const Program> programs() {
  static const std::vector<Program> all = {
      {"two events", {}, {events(0, 2, 0), poller(0)}},
      {"two events, an edge", {.edge = true}, {events(0, 2, 0), poller(0)}},
      {"three events, an edge", {.edge = true}, {events(0, 2, kSelf), events(0, 1, kSelf)}},
      {"two events, each a budget", {.budget = 1}, {events(0, 2, 0), poller(0)}},
      {"an event and a schedule", {}, {events(0, 1, 0), scheduled, poller(0)}},
      {"two sources", {.sources = 2}, {events(0, 1, 0), events(1, 1, 0), poller(0)}},
      {"deferral", {.defer_hard_irqs = 1}, {events(0, 2, 0), poller(0), timer}},
      {"deferral, an edge", {.defer_hard_irqs = 1, .edge = true}, {events(0, 2, kSelf), timer}},
      {"suspended for good", {.defer_hard_irqs = 1, .prefer_busy_poll = true}, {suspended, timer}},
      {"suspended and resumed", {.defer_hard_irqs = 1, .prefer_busy_poll = true}, {resumed, timer}},
      {"disabled", {}, {events(0, 2, kSelf), stopped}},
      {"disabled, a poller", {}, {events(0, 1, 0), poller(0), stopped}},
      {"disabled, each event a budget", {.budget = 1}, {events(0, 2, kSelf), stopped}},
      {"disabled while deferred", {.defer_hard_irqs = 1}, {events(0, 1, kSelf), timer, stopped}},
      {"disabled while suspended",
       {.defer_hard_irqs = 1, .prefer_busy_poll = true},
       {suspended, timer, stopped}},
      {"disabled during a busy poll", {}, {busy, stopped}},
      {"style switch", {}, {events(0, 1, kSelf), switched}},
      {"style switch during a busy poll", {}, {busy, switched}},
      {"busy poll", {}, {events(0, 1, kSelf), busy}},
      {"busy poll, a poller", {}, {events(0, 1, 0), busy, poller(0)}},
      {"busy poll, an edge", {.edge = true}, {events(0, 1, kSelf), busy}},
      {"style switch, an edge", {.edge = true}, {events(0, 2, kSelf), switched}},
      {"busy poll that completes", {}, {events(0, 1, kSelf), completing}},
      {"style switch while deferred",
       {.defer_hard_irqs = 1},
       {events(0, 1, kSelf), timer, switched}},
      {"deferral and a schedule", {.defer_hard_irqs = 2}, {events(0, 1, kSelf), scheduled, timer}},
      {"two sources, two pollers",
       {.sources = 2},
       {events(0, 1, 0), events(1, 1, 1), poller(0), poller(1)}},
      {"two busy polls", {}, {busy, busy}},
      {"busy poll with a pledge",
       {.budget = 1, .defer_hard_irqs = 1, .prefer_busy_poll = true},
       {events(0, 1, kSelf), busy, timer},
       true},
      {"disabled, an edge",
       {.edge = true},
       {events(0, 1, kSelf), events(0, 1, kSelf), stopped},
       true},
  };
  return all;
}

}  // namespace bellpull::netdrv::explorer
