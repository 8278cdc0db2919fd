// SPDX-License-Identifier: BSD-2-Clause
#include <nlohmann/json.hpp>

#include "statistics_checker.hpp"

namespace bellpull::test {

namespace {

using nlohmann::json;

std::string fault_in_drops(const json& queue, const char* key) {
  if (!queue.contains(key) || !queue[key].is_object()) return std::string("no object ") + key;
  for (const auto& [reason, count] : queue[key].items()) {
    if (!count.is_number_unsigned() || count == 0) return "no count for " + reason;
  }
  return {};
}

std::string fault_in_latency(const json& latency) {
  if (!latency.contains("count") || latency["count"] == 0) return "it counts nothing";
  std::uint64_t before = 0;
  for (const char* key : {"p50", "p99", "p999", "max"}) {
    if (!latency.contains(key) || !latency[key].is_number_unsigned()) {
      return std::string("no number ") + key;
    }
    if (latency[key] < before) return std::string(key) + " is below the one before";
    before = latency[key];
  }
  return {};
}

std::string fault_in_queue(const json& queue) {
  for (const char* key : {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "polls", "notifies",
                          "mode_switches", "syscalls"}) {
    if (!queue.contains(key) || !queue[key].is_number_unsigned()) {
      return std::string("no number ") + key;
    }
  }
  if (queue.contains("latency_ns")) {
    const std::string fault = fault_in_latency(queue["latency_ns"]);
    if (!fault.empty()) return "latency_ns: " + fault;
  }
  std::string fault = fault_in_drops(queue, "rx_dropped");
  return fault.empty() ? fault_in_drops(queue, "tx_dropped") : fault;
}

std::string fault_in_port(const json& port) {
  if (!port.contains("name") || !port["name"].is_string()) return "a port without name";
  if (!port.contains("queues") || !port["queues"].is_array() || port["queues"].empty()) {
    return "a port without queues";
  }
  for (const json& queue : port["queues"]) {
    if (std::string fault = fault_in_queue(queue); !fault.empty()) return fault;
  }
  return {};
}

}  // namespace

std::string fault_in_json(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded()) return "it is no JSON";
  if (!object.contains("ports") || !object["ports"].is_array() || object["ports"].empty()) {
    return "no ports";
  }
  for (const json& port : object["ports"]) {
    if (std::string fault = fault_in_port(port); !fault.empty()) return fault;
  }
  return text.ends_with('\n') && text.find('\n') + 1 == text.size() ? "" : "it is not one line";
}

}  // namespace bellpull::test
