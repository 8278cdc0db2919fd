// SPDX-License-Identifier: BSD-2-Clause
#include "nic_settings.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/sim_link.hpp"
#include "error.hpp"

using namespace bellpull;
using namespace std::chrono_literals;
using tools::UsageError;

namespace {

// A simulated NIC whose back-ends can be made for only so many ports.
class ScarceLink final : public netdrv::Link {
 public:
  ScarceLink(const char* name, unsigned ports) : sim_(options(name)), left_(ports) {}
  [[nodiscard]] std::string_view name() const noexcept override { return sim_.name(); }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return sim_.mtu(); }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override {
    if (left_-- == 0) throw std::runtime_error("no more of them");
    return sim_.make_receiver();
  }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override {
    return sim_.make_sender();
  }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }

 private:
  static netdrv::SimOptions options(const char* name) {
    netdrv::SimOptions options;
    options.name = name;
    return options;
  }
  netdrv::SimLink sim_;
  unsigned left_;
};

// Two ports that nothing arrives on, and all that can be set of them.
struct Scene {
  explicit Scene(unsigned ports_left = 100) : second{"b", ports_left} {
    nic.add_port(first);
    nic.add_port(second);
    nic.start();
  }
  [[nodiscard]] std::string value(std::string_view name) const {
    for (const tools::Setting& setting : table.all()) {
      if (setting.name == name) return setting.value();
    }
    return "there is none";
  }
  void change(const std::vector<std::string_view>& assignments) const { table.change(assignments); }
  [[nodiscard]] std::vector<std::string> make() { return changes.make(100ms); }

  std::unique_ptr<netdrv::App> app = netdrv::make_discard();
  engine::Engine engine{engine::EngineOptions{}};
  ScarceLink first{"a", 100};
  ScarceLink second;
  netdrv::Nic nic{engine, *app, {}};
  tools::PendingChanges changes{nic, netdrv::Style::poll, 2};
  const std::array<std::string, 2> names{"a", "b@left"};
  const tools::SettingTable table = tools::settings_of(nic, changes, names);
};

}  // namespace

TEST_CASE("the style of a Nic can be set to each that there is, in effect between two rounds") {
  Scene scene;
  CHECK(scene.value("style") == "poll");
  for (const std::string_view style : netdrv::kStyleNames) {
    const std::string before = scene.value("style");
    const std::string assignment = "style=" + std::string(style);
    scene.change({assignment});
    CHECK(scene.value("style") == before);
    CHECK(scene.make().empty());
    CHECK(scene.value("style") == style);
    CHECK(scene.nic.running_ports() == 2);
    scene.nic.run_once(0);
  }
  CHECK_THROWS_AS(scene.change({"style=pull"}), UsageError);
}

TEST_CASE("each port of a Nic is switched by its name") {
  Scene scene;
  CHECK(scene.value("port.a") == "on");
  scene.change({"port.b@left=off"});
  CHECK(scene.value("port.b@left") == "on");
  CHECK(scene.make().empty());
  CHECK(scene.value("port.b@left") == "off");
  CHECK(scene.value("port.a") == "on");
  CHECK_FALSE(scene.nic.set_enabled(1, false));  // it is
  scene.change({"port.b@left=on", "port.a=on"});
  CHECK(scene.make().empty());
  CHECK(scene.value("port.b@left") == "on");
  CHECK_FALSE(scene.nic.set_enabled(1, true));
  CHECK_THROWS_AS(scene.change({"port.a=yes"}), UsageError);
  CHECK_THROWS_AS(scene.change({"port.c=off"}), UsageError);
}

TEST_CASE("of several wishes for one thing the last one counts, and what is so already is left") {
  Scene scene;
  const auto opened = [&] { return scene.engine.stats().opened; };
  const std::uint64_t before = opened();
  scene.change({"style=push", "port.a=off"});
  scene.change({"style=poll", "port.a=on"});
  CHECK(scene.make().empty());
  CHECK(scene.value("style") == "poll");
  CHECK(scene.value("port.a") == "on");
  CHECK(opened() == before);
}

TEST_CASE("a port that is lost in a change of the style is told of, the others go on") {
  Scene scene(1);
  scene.change({"style=virtqueue"});
  CHECK(scene.make() == std::vector<std::string>{
                            "a port was lost in the change to style virtqueue: no more of them"});
  CHECK(scene.nic.running_ports() == 1);
  scene.change({"port.b@left=off", "mode=poll"});
  CHECK(scene.make() ==
        std::vector<std::string>{"port b was not switched off: it has lost its interface"});
  CHECK(scene.value("port.b@left") == "on");
  CHECK(scene.value("mode") == "poll");
  scene.change({"style=poll"});
  CHECK(scene.make().empty());
}
