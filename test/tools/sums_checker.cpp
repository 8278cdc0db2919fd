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

std::string fault_in_sim(const json& port) {
  const json& sim = port.at("sim");
  const json& queue = port.at("queues").at(0);
  std::string fault = differs(
      "scheduled, and delivered or missed", number(sim, "scheduled"),
      number(sim, "delivered") + number(sim, "missed_no_buffer") + number(sim, "missed_generator"));
  if (fault.empty()) {
    fault =
        differs("delivered, and received", number(sim, "delivered"), number(queue, "rx_packets"));
  }
  if (fault.empty()) {
    fault = differs("taken, and sent", number(sim, "sent"), number(queue, "tx_packets"));
  }
  for (const char* odd : {"corrupt", "foreign", "reordered", "duplicated"}) {
    if (fault.empty()) fault = differs(odd, number(sim, odd), 0);
  }
  return fault;
}

}  // namespace

std::string fault_in_sums(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded()) return "it is no JSON";
  try {
    std::uint64_t received = 0;
    std::uint64_t ended = 0;
    for (const json& port : object.at("ports")) {
      for (const json& queue : port.at("queues")) {
        received += number(queue, "rx_packets");
        ended += number(queue, "rx_consumed") + total(queue.at("rx_dropped")) +
                 number(queue, "tx_packets") + total(queue.at("tx_dropped"));
      }
      if (!port.contains("sim")) continue;
      const std::string fault = fault_in_sim(port);
      if (!fault.empty()) return port.at("name").get<std::string>() + ": " + fault;
    }
    const std::string fault = differs("received, and sent, consumed or dropped", received, ended);
    return fault.empty() ? differs("left in the pool", number(object.at("pool"), "outstanding"), 0)
                         : fault;
  } catch (const json::exception& error) {
    return error.what();
  }
}

}  // namespace bellpull::test
