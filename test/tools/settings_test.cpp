// SPDX-License-Identifier: BSD-2-Clause
#include "settings.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/apps.hpp"
#include "control_protocol.hpp"
#include "error.hpp"
#include "nic_settings.hpp"
#include "sample_settings.hpp"

using namespace bellpull;
using test::SampleSettings;

namespace {

using Assignments = std::vector<std::string_view>;

std::string refusal_of(const tools::SettingTable& settings, const Assignments& assignments) {
  try {
    settings.change(assignments);
  } catch (const tools::UsageError& error) {
    return error.what();
  }
  return "it was taken";
}

}  // namespace

TEST_CASE("settings are changed by name") {
  SampleSettings sample;
  sample.table.change(Assignments{"low=20"});
  CHECK(sample.values["low"] == 20);
  CHECK(sample.values["high"] == 90);
  sample.table.change(Assignments{"high=80", "low=0"});
  CHECK(sample.values["low"] == 0);
  CHECK(sample.values["high"] == 80);
  CHECK(sample.changes == 3);
}

TEST_CASE("what is no setting or no value of it is refused with what there is") {
  SampleSettings sample;
  const auto refused = [&](std::string_view assignment) {
    return refusal_of(sample.table, {assignment});
  };
  CHECK(refused("width=1") == "setting: 'width' is unknown: use high or low");
  CHECK(refused("lo=1") == "setting: 'lo' is unknown: use high or low; did you mean low?");
  CHECK(refused("=1") == "setting: '' is unknown: use high or low");
  CHECK(refused("") == "setting: '' is unknown: use high or low");
  CHECK(refused("width") == "setting: 'width' is unknown: use high or low");
  CHECK(refused("low") == "'low' is no KEY=VALUE: write low=VALUE");
  CHECK(refused("low=") == "low: '' is no whole number from 0 to 100: give one");
  CHECK(refused("low=101") == "low: '101' is no whole number from 0 to 100: give one");
  CHECK(refused("low=1=2") == "low: '1=2' is no whole number from 0 to 100: give one");
  CHECK(sample.changes == 0);
}

TEST_CASE("several settings are changed all together or not at all") {
  SampleSettings sample;
  const Assignments wrong[] = {{"low=20", "high=x"},
                               {"high=x", "low=20"},
                               {"low=20", "width=1"},
                               {"low=20", "high"},
                               {"low=20", "high=30", "low=20"}};
  for (const Assignments& assignments : wrong) {
    CHECK(refusal_of(sample.table, assignments) != "it was taken");
    CHECK(sample.changes == 0);
  }
  CHECK(refusal_of(sample.table, wrong[4]) == "setting low is given twice: name it once");
}

TEST_CASE("a running NIC's mode and budget are settings") {
  engine::Engine engine({});
  const auto app = netdrv::make_discard();
  netdrv::Nic nic(engine, *app, {.mode = netdrv::Mode::interrupt, .budget = 64});
  tools::PendingChanges changes(nic, netdrv::Style::poll, 0);
  const tools::SettingTable settings = tools::settings_of(nic, changes, {});
  const auto rows = tools::understand_answer(tools::answer_to("list", settings));
  REQUIRE(rows.size() == 2 + netdrv::nic_numbers().size());
  CHECK(rows[0].name == "mode");
  CHECK(rows[0].value == "interrupt");
  CHECK(rows[0].range == "interrupt, poll or adaptive");
  CHECK(rows[1].name == "style");
  CHECK(rows[1].value == "poll");
  CHECK(rows[1].range == "push, push-backlog, push-pause, notify, poll or virtqueue");
  CHECK(rows[2].name == "budget");
  CHECK(rows[2].value == "64");
  CHECK(rows[2].range == "1 to 4096");

  settings.change(Assignments{"budget=4096", "mode=poll"});
  CHECK(nic.settings().mode == netdrv::Mode::poll);
  CHECK(nic.settings().budget == 4096);
  CHECK(settings.all()[0].value() == "poll");
  CHECK(settings.all()[2].value() == "4096");
  CHECK(refusal_of(settings, {"mode=interrupt", "budget=4097"}) ==
        "budget: '4097' is no whole number from 1 to 4096: give one");
  CHECK(refusal_of(settings, {"budget=7", "threaded=1"}).find("use an autonomous engine") !=
        std::string::npos);
  CHECK(nic.settings().budget == 4096);
  CHECK(refusal_of(settings, {"mode=turbo"}) ==
        "mode: 'turbo' is unknown: use interrupt, poll or adaptive");
  CHECK(nic.settings().mode == netdrv::Mode::poll);
}
