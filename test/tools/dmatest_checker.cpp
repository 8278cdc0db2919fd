// SPDX-License-Identifier: BSD-2-Clause
#include <nlohmann/json.hpp>

#include "statistics_checker.hpp"

namespace bellpull::test {

namespace {

using nlohmann::json;

std::string fault_in_histogram(const json& histogram) {
  std::uint64_t before = 0;
  for (const char* key : {"p50", "p90", "p99", "p99.9", "max"}) {
    if (!histogram.contains(key) || !histogram[key].is_number_unsigned()) {
      return std::string("no number ") + key;
    }
    if (histogram[key] < before) return std::string(key) + " is smaller than the one before";
    before = histogram[key];
  }
  std::uint64_t count = 0;
  for (const json& band : histogram["bands"]) count += band["count"].get<std::uint64_t>();
  return count == histogram["count"] ? "" : "the bands do not add up to the count";
}

std::string fault_in_sums(const json& object) {
  std::uint64_t transfers = 0;
  std::uint64_t bytes = 0;
  for (const json& one : object["operations"]) {
    transfers += one["transfers"].get<std::uint64_t>();
    bytes += one["bytes"].get<std::uint64_t>();
  }
  if (transfers != object["transfers"] || bytes != object["bytes"]) {
    return "the operations do not add up";
  }
  if (transfers != object["latency_ns"]["count"]) return "not every transfer has a latency";
  if (object["idle_gap_ns"]["count"] > transfers) return "more gaps than transfers";
  const double each = object["bytes_per_second"].get<double>() * object["seconds"].get<double>();
  const double all = static_cast<double>(bytes);
  return each >= all * 0.999 && each <= all * 1.001 ? "" : "the rate is not bytes by seconds";
}

}  // namespace

std::string fault_in_dmatest(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded()) return "it is no JSON";
  if (!text.ends_with('\n') || text.find('\n') + 1 != text.size()) return "it is not one line";
  for (const char* key : {"settings", "verdict", "interrupted", "transfers", "bytes", "operations",
                          "digest", "seconds", "work_seconds", "verify_seconds", "bytes_per_second",
                          "bytes_per_work_second", "latency_ns", "idle_gap_ns", "failures"}) {
    if (!object.contains(key)) return std::string("no ") + key;
  }
  for (const char* key : {"latency_ns", "idle_gap_ns"}) {
    if (std::string fault = fault_in_histogram(object[key]); !fault.empty()) {
      return std::string(key) + ": " + fault;
    }
  }
  return fault_in_sums(object);
}

}  // namespace bellpull::test
