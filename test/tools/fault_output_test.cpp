// SPDX-License-Identifier: BSD-2-Clause
// Planned faults in the statistics of every format.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "sample_snapshot.hpp"
#include "statistics_checker.hpp"

using namespace bellpull;
using netdrv::FrameFaultKind;
using nlohmann::json;

namespace {

// The first port has faults of either kind of counter, the last one a plan that never came to pass.
tools::Snapshot with_faults() {
  tools::Snapshot snapshot = test::sample_snapshot();
  tools::PortFaults faults;
  faults.rx.frames = 50;
  faults.rx.faults[static_cast<std::size_t>(FrameFaultKind::drop)] = 4;
  faults.rx.faults[static_cast<std::size_t>(FrameFaultKind::error)] = 5;
  faults.rx.lost = 6;
  faults.tx.frames = 60;
  faults.tx.again = 7;
  snapshot.ends[0].faults = faults;
  snapshot.ends[2].faults.emplace();
  return snapshot;
}

}  // namespace

TEST_CASE("planned faults that came to pass are in the JSON of their port") {
  const std::string text = to_json(with_faults());
  CHECK(test::fault_in_json(text) == "");
  const json ports = json::parse(text)["ports"];
  const json rx = {{"frames", 50}, {"drop", 4}, {"errno", 5}, {"lost", 6}};
  CHECK(ports[0]["faults"] == json{{"rx", rx}, {"tx", {{"frames", 60}, {"again", 7}}}});
  CHECK_FALSE(ports[1].contains("faults"));
  CHECK(ports[2]["faults"]["rx"] == json{{"frames", 0}});
}

TEST_CASE("planned faults that came to pass are in the Prometheus text, by port, way and kind") {
  const std::string text = to_prometheus(with_faults());
  CHECK(test::fault_in_exposition(text) == "");
  for (const char* const line :
       {"bellpull_faults_total{port=\"bp0\",direction=\"rx\",kind=\"drop\"} 4\n",
        "bellpull_faults_total{port=\"bp0\",direction=\"rx\",kind=\"errno\"} 5\n",
        "bellpull_faults_total{port=\"bp0\",direction=\"rx\",kind=\"lost\"} 6\n",
        "bellpull_faults_total{port=\"bp0\",direction=\"tx\",kind=\"again\"} 7\n"}) {
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(to_prometheus(test::sample_snapshot()).find("faults_total") == std::string::npos);
}

TEST_CASE("planned faults that came to pass are in the table") {
  const std::string text = to_table(with_faults());
  CHECK(text.find("bp0 rx faults: of 50 frames, errno 5, drop 4, lost 6\n") != std::string::npos);
  CHECK(text.find("bp0 tx faults: of 60 frames, again 7\n") != std::string::npos);
  CHECK(text.find("sim0 rx faults") == std::string::npos);
}
