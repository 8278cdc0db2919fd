// SPDX-License-Identifier: BSD-2-Clause
#include <cstdint>
#include <nlohmann/json.hpp>

#include "statistics_checker.hpp"

namespace bellpull::test {

namespace {

using nlohmann::json;

std::uint64_t number(const json& object, const char* key) {
  return object.at(key).get<std::uint64_t>();
}

std::uint64_t total(const json& drops) {
  std::uint64_t sum = 0;
  for (const auto& entry : drops.items()) sum += entry.value().get<std::uint64_t>();
  return sum;
}

std::string differs(const std::string& what, std::uint64_t a, std::uint64_t b) {
  return a == b ? "" : what + ": " + std::to_string(a) + " and " + std::to_string(b);
}

// How many of a kind of planned fault there were.
std::uint64_t faults(const json& port, const char* direction, const char* kind) {
  if (!port.contains("faults")) return 0;
  return port.at("faults").at(direction).value(kind, std::uint64_t{0});
}

std::string fault_in_sim(const json& port, bool planned) {
  const json& sim = port.at("sim");
  const json& queue = port.at("queues").at(0);
  std::string fault = differs(
      "scheduled, and delivered or missed", number(sim, "scheduled"),
      number(sim, "delivered") + number(sim, "missed_no_buffer") + number(sim, "missed_generator"));
  if (fault.empty()) {
    fault = differs("delivered, and received",
                    number(sim, "delivered") + faults(port, "rx", "duplicate"),
                    number(queue, "rx_packets") + faults(port, "rx", "drop") +
                        faults(port, "rx", "errno") + faults(port, "rx", "lost"));
  }
  if (fault.empty()) {
    fault = differs("taken, and sent", number(sim, "sent") + faults(port, "tx", "drop"),
                    number(queue, "tx_packets") + faults(port, "tx", "duplicate"));
  }
  for (const char* odd : {"corrupt", "foreign", "reordered", "duplicated"}) {
    if (fault.empty() && !planned) fault = differs(odd, number(sim, odd), 0);
  }
  return fault;
}

}  // namespace

std::string fault_in_sums(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded()) return "it is no JSON";
  try {
    bool planned = false;
    for (const json& port : object.at("ports")) planned = planned || port.contains("faults");
    std::uint64_t received = 0;
    std::uint64_t ended = 0;
    for (const json& port : object.at("ports")) {
      for (const json& queue : port.at("queues")) {
        received += number(queue, "rx_packets") + number(queue, "tx_cut");
        ended += number(queue, "tx_coalesced") + number(queue, "rx_consumed") +
                 total(queue.at("rx_dropped")) + number(queue, "tx_packets") +
                 total(queue.at("tx_dropped"));
      }
      if (!port.contains("sim")) continue;
      const std::string fault = fault_in_sim(port, planned);
      if (!fault.empty()) return port.at("name").get<std::string>() + ": " + fault;
    }
    const std::string fault =
        differs("received or cut, and sent, merged, consumed or dropped", received, ended);
    return fault.empty() ? differs("left in the pool", number(object.at("pool"), "outstanding"), 0)
                         : fault;
  } catch (const json::exception& error) {
    return error.what();
  }
}

}  // namespace bellpull::test
