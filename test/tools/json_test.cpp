// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "sample_snapshot.hpp"
#include "statistics_checker.hpp"

using namespace bellpull;
using nlohmann::json;

TEST_CASE("the JSON has the keys its readers count on, on one line") {
  CHECK(test::fault_in_json(to_json(test::sample_snapshot())) == "");
}

TEST_CASE("the checker of the JSON finds what is missing") {
  json object = json::parse(to_json(test::sample_snapshot()));
  CHECK(test::fault_in_json("{") != "");
  CHECK(test::fault_in_json("{}\n") != "");
  CHECK(test::fault_in_json(object.dump()) == "it is not one line");
  json& latency = object["ports"][0]["queues"][0]["latency_ns"];
  latency["p50"] = latency["max"].get<std::uint64_t>() + 1;
  CHECK(test::fault_in_json(object.dump() + '\n') == "latency_ns: p99 is below the one before");
  latency["p50"] = "1";
  CHECK(test::fault_in_json(object.dump() + '\n') == "latency_ns: no number p50");
  latency = {{"count", 0}};
  CHECK(test::fault_in_json(object.dump() + '\n') == "latency_ns: it counts nothing");
  object["ports"][0]["queues"][0].erase("latency_ns");
  CHECK(test::fault_in_json(object.dump() + '\n') == "");
  object["ports"][1]["queues"][0].erase("syscalls");
  CHECK(test::fault_in_json(object.dump() + '\n') == "no number syscalls");
}

TEST_CASE("every counter of a queue is in the JSON with its own value") {
  const tools::Snapshot snapshot = test::sample_snapshot();
  const json queue = json::parse(to_json(snapshot))["ports"][0]["queues"][0];
  for (const tools::QueueField& field : tools::queue_fields()) {
    CAPTURE(field.name);
    CHECK(queue[std::string(field.name)] == snapshot.nic.ports[0].queues[0].*field.value);
  }
  CHECK(queue["rx_packets"] == 101);
  CHECK(queue["rx_dropped"] == json{{"runt", 3}, {"not_for_us", 4}});
  CHECK(queue["tx_dropped"] == json{{"ring_full", 5}});
}

TEST_CASE("the rounds by their work are in the JSON where there were any") {
  const json object = json::parse(to_json(test::sample_snapshot()));
  const json expected = {{"0", 1}, {"7", 2}, {"4096", 1}};
  CHECK(object["ports"][0]["queues"][0]["work_histogram"] == expected);
  CHECK(object["ports"][1]["queues"][0]["work_histogram"] == json::object());
}

TEST_CASE("the counters of a capture are in the JSON of the ports that were captured") {
  tools::Snapshot snapshot = test::sample_snapshot();
  const json object = json::parse(to_json(snapshot));
  const json expected = {{"captured", 301}, {"missed", 302}, {"filtered", 303}};
  CHECK(object["ports"][0]["capture"] == expected);
  CHECK_FALSE(object["ports"][1].contains("capture"));
  CHECK(object["capture"] == json{{"written_bytes", 304}});
  snapshot.capture_bytes.reset();
  CHECK_FALSE(json::parse(to_json(snapshot)).contains("capture"));
}

TEST_CASE("every counter of a simulated NIC is in the JSON, of other ports there is none") {
  const tools::Snapshot snapshot = test::sample_snapshot();
  const json ports = json::parse(to_json(snapshot))["ports"];
  CHECK_FALSE(ports[0].contains("sim"));
  CHECK(ports[2]["sim"].size() == tools::sim_fields().size());
  for (const tools::SimField& field : tools::sim_fields()) {
    CAPTURE(field.name);
    CHECK(ports[2]["sim"][std::string(field.name)] == (*snapshot.ends[2].sim).*field.value);
  }
}

TEST_CASE("F25: what became of its interface is in the JSON of a TAP, as far as it is known") {
  const json ports = json::parse(to_json(test::sample_snapshot()))["ports"];
  CHECK(ports[0]["tap"] == json{{"lost", 0}, {"regained", 0}});
  CHECK(ports[1]["tap"] == json{{"lost", 401}, {"regained", 400}, {"host_rx_overflow", 402}});
  CHECK_FALSE(ports[2].contains("tap"));
}

TEST_CASE("drop reasons that never occurred are not in the JSON") {
  const json object = json::parse(to_json(test::sample_snapshot()));
  CHECK(object["ports"][1]["queues"][0]["rx_dropped"] == json::object());
}

TEST_CASE("the latency is in the JSON where there is any") {
  const tools::Snapshot snapshot = test::sample_snapshot();
  const json ports = json::parse(to_json(snapshot))["ports"];
  const netdrv::LatencySummary latency = snapshot.nic.ports[0].queues[0].latency->summary();
  CHECK(ports[0]["queues"][0]["latency_ns"] == json{{"count", 100},
                                                    {"p50", 1},
                                                    {"p99", latency.p99},
                                                    {"p999", latency.p999},
                                                    {"max", 100'000'000'000}});
  CHECK_FALSE(ports[1]["queues"][0].contains("latency_ns"));
  tools::Snapshot none = snapshot;
  none.nic.ports[0].queues[0].latency->clear();
  CHECK_FALSE(json::parse(to_json(none))["ports"][0]["queues"][0].contains("latency_ns"));
}

TEST_CASE("the JSON says what ran, for how long and at which cost") {
  const json object = json::parse(to_json(test::sample_snapshot()));
  CHECK(object["seconds"] == 2.5);
  CHECK(object["settings"]["mode"] == "interrupt");
  CHECK(object["settings"]["budget"] == 64);
  CHECK(object["settings"]["sandbox"]["privileges"] == "drop");
  CHECK(object["settings"]["sandbox"]["seccomp"] == "on");
  CHECK(object["app"] == json{{"name", "respond"}, {"arp", 1}, {"icmp4_echo", 2}});
  CHECK(object["loop"] == json{{"waits", 11}, {"wakeups", 10}, {"looks", 9}});
  CHECK(object["engine"] == json{{"runs", 8}, {"waits", 7}, {"doorbells", 6}});
  CHECK(object["cpu"]["user_s"] == 1.5);
  CHECK(object["cpu"]["loop_system_s"] == 0.125);
  CHECK(object["pool"] == json{{"buffers", 640}, {"outstanding", 0}});
  CHECK(object["ports"][0]["state"] == "stopped");
  CHECK(object["ports"][1]["state"] == "gone");
  CHECK(object["ports"][0]["offloads"] == json{{"rx", {"csum", "uso"}}, {"tx", {"csum"}}});
  CHECK(object["ports"][1]["offloads"]["tx"] == json{"csum", "tso4", "tso6", "uso"});
  CHECK(object["ports"][2]["offloads"]["rx"] == json::array());
  CHECK_FALSE(object["ports"][0].contains("netns"));
  CHECK(object["ports"][1]["netns"] == "left");
}

TEST_CASE("a name that is no UTF-8 still gives JSON") {
  tools::Snapshot snapshot = test::sample_snapshot();
  snapshot.nic.ports[0].name = "bp\xff\"\\";
  CHECK(test::fault_in_json(to_json(snapshot)) == "");
}
