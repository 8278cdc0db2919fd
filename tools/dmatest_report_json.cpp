// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "dmatest_report.hpp"

namespace bellpull::tools::dmatest {

namespace {

using nlohmann::ordered_json;

ordered_json histogram_object(const netdrv::LatencyHistogram& histogram) {
  ordered_json object;
  object["count"] = histogram.count();
  for (const Quantile& quantile : kQuantiles) {
    object[std::string(quantile.name)] = histogram.quantile(quantile.share);
  }
  object["max"] = histogram.max();
  object["sum"] = histogram.sum();
  object["bands"] = ordered_json::array();
  for (const netdrv::LatencyHistogram::Band& band : histogram.bands()) {
    object["bands"].push_back({{"up_to", band.up_to}, {"count", band.count}});
  }
  return object;
}

ordered_json segments_array(const std::vector<Part>& parts) {
  ordered_json array = ordered_json::array();
  for (const Part& part : parts) {
    array.push_back({{"length", part.length}, {"misalignment", part.offset % kLine}});
  }
  return array;
}

ordered_json plan_object(const Plan& plan) {
  return {{"thread", plan.thread},
          {"iteration", plan.iteration},
          {"operation", name_of(plan.operation)},
          {"bytes", plan.length},
          {"source", segments_array(plan.source)},
          {"destination", segments_array(plan.destination)},
          {"pattern", plan.pattern},
          {"pattern_bytes", plan.pattern_bytes},
          {"seed", plan.seed},
          {"differs_at", plan.differs_at}};
}

ordered_json failure_object(const Options& options, const Failure& failure) {
  ordered_json object;
  object["kind"] = name_of(failure.kind);
  object["thread"] = failure.thread;
  object["what"] = describe(options, failure);
  if (failure.fault) {
    object["place"] = failure.fault->place;
    object["offset"] = failure.fault->offset;
    object["expected"] = failure.fault->expected;
    object["seen"] = failure.fault->seen;
  }
  object["transfers"] = ordered_json::array();
  for (const Plan& plan : failure.transfers) object["transfers"].push_back(plan_object(plan));
  return object;
}

ordered_json settings_object(const Options& options) {
  ordered_json object = {
      {"backend", options.words.backend},   {"engine", options.words.engine},
      {"layout", options.words.layout},     {"threads", options.threads},
      {"depth", options.job.depth},         {"size_min", options.job.shape.least},
      {"size_max", options.job.shape.most}, {"segments", options.job.shape.segments},
      {"seed", options.job.seed},           {"verify", options.job.verify}};
  if (options.job.iterations != kUnlimited) object["iterations"] = options.job.iterations;
  if (options.duration) {
    object["duration"] = std::chrono::duration<double>(*options.duration).count();
  }
  if (!options.words.fault.empty()) object["fault"] = to_text(options.job.faults);
  object["ops"] = ordered_json::array();
  for (const engine::Operation operation : options.job.shape.operations) {
    object["ops"].push_back(name_of(operation));
  }
  return object;
}

}  // namespace

std::string to_json(const Report& report) {
  ordered_json object;
  object["version"] = version();
  object["settings"] = settings_object(report.options);
  object["verdict"] = report.verdict();
  object["interrupted"] = report.interrupted;
  const OperationTotals all = report.totals.all();
  object["transfers"] = all.transfers;
  object["bytes"] = all.bytes;
  object["operations"] = ordered_json::object();
  for (const engine::Operation operation : report.options.job.shape.operations) {
    const OperationTotals& one = report.totals.operations[static_cast<std::size_t>(operation)];
    object["operations"][name_of(operation)] = {{"transfers", one.transfers}, {"bytes", one.bytes}};
  }
  if (!report.options.job.faults.rules.empty()) {
    object["failed_as_planned"] = report.totals.failed_as_planned;
    object["faults"] = ordered_json::object();
    for (unsigned i = 0; i < engine::kFaultKinds; ++i) {
      object["faults"][name_of(static_cast<engine::FaultKind>(i))] = report.totals.faults[i];
    }
  }
  object["digest"] = fmt::format("{:016x}", report.totals.digest);
  object["seconds"] = report.seconds();
  object["verify_seconds"] = report.verify_seconds();
  object["work_seconds"] = report.work_seconds();
  object["transfers_per_second"] = report.transfers_per_second();
  object["bytes_per_second"] = report.bytes_per_second();
  object["bytes_per_work_second"] = report.bytes_per_work_second();
  object["latency_ns"] = histogram_object(report.totals.latency_ns);
  object["idle_gap_ns"] = histogram_object(report.totals.idle_gap_ns);
  object["failures"] = ordered_json::array();
  for (const Failure& failure : report.failures) {
    object["failures"].push_back(failure_object(report.options, failure));
  }
  return object.dump() + '\n';
}

}  // namespace bellpull::tools::dmatest
