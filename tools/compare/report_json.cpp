// SPDX-License-Identifier: BSD-2-Clause
#include <nlohmann/json.hpp>

#include "report.hpp"

namespace bellpull::tools::compare {

namespace {

using nlohmann::ordered_json;

ordered_json machine_object(const Machine& machine) {
  return {{"processor", machine.processor},
          {"cores", machine.cores},
          {"kernel", machine.kernel},
          {"compiler", machine.compiler}};
}

ordered_json options_object(const Options& options) {
  ordered_json object;
  object["styles"] = ordered_json::array();
  for (const netdrv::Style style : options.styles) object["styles"].push_back(name_of(style));
  object["modes"] = ordered_json::array();
  for (const netdrv::Mode mode : options.modes) object["modes"].push_back(name_of(mode));
  object["loads"] = options.loads;
  object["ports"] = options.ports == Ports::tap ? "tap" : "sim";
  object["engine"] = options.engine == engine::Placement::driven ? "driven" : "thread";
  object["cores"] = options.cores == Cores::two ? "two" : "one";
  object["work_ns"] = options.work_ns;
  object["size"] = options.size;
  object["budget"] = options.budget;
  object["repetitions"] = options.repetitions;
  object["seconds"] = options.seconds;
  object["seed"] = options.seed;
  return object;
}

ordered_json estimate_object(const std::optional<Estimate>& estimate) {
  if (!estimate) return nullptr;
  ordered_json object = {{"median", estimate->median}, {"low", nullptr}, {"high", nullptr}};
  if (estimate->interval) {
    object["low"] = estimate->interval->low;
    object["high"] = estimate->interval->high;
  }
  return object;
}

ordered_json ratio_object(const std::optional<Estimate>& ratio) {
  ordered_json object = estimate_object(ratio);
  if (!ratio) return object;
  object["differs"] = ratio->interval ? ordered_json(ratio->differs_from(1)) : nullptr;
  return object;
}

ordered_json summary_object(const Summary& summary) {
  ordered_json object = {
      {"style", summary.contender.name()}, {"valid", summary.valid}, {"invalid", summary.invalid}};
  ordered_json ratios = ordered_json::object();
  for (std::size_t i = 0; i < metrics().size(); ++i) {
    const Metric& metric = metrics()[i];
    object[std::string(metric.name)] = estimate_object(summary.values[i]);
    if (metric.compared) ratios[std::string(metric.name)] = ratio_object(summary.ratios[i]);
  }
  if (summary.contender != kBase) object["ratio_to_poll"] = std::move(ratios);
  return object;
}

ordered_json scene_object(const Scene& scene, double capacity) {
  ordered_json object = {{"mode", name_of(scene.mode)},
                         {"load", scene.load},
                         {"offered_per_second", scene.load * capacity}};
  object["styles"] = ordered_json::array();
  for (const Summary& summary : scene.summaries) {
    object["styles"].push_back(summary_object(summary));
  }
  return object;
}

ordered_json measurement_object(const Measurement& one) {
  const Outcome& outcome = one.outcome;
  return {{"repetition", one.repetition},
          {"style", one.point.contender.name()},
          {"mode", name_of(one.point.mode)},
          {"load", one.point.load},
          {"valid", outcome.valid()},
          {"seconds", outcome.seconds},
          {"scheduled", outcome.scheduled},
          {"missed", outcome.missed},
          {"late", outcome.late},
          {"frames", outcome.frames},
          {"dropped", outcome.dropped},
          {"unexplained", outcome.unexplained},
          {"loop_cpu_s", outcome.app_cpu},
          {"engine_cpu_s", outcome.engine_cpu},
          {"system_cpu_s", outcome.system_cpu},
          {"notifies", outcome.notifies},
          {"border_calls", outcome.border_calls},
          {"wakeups", outcome.wakeups},
          {"doorbells", outcome.doorbells},
          {"mode_switches", outcome.mode_switches},
          {"largest_burst", outcome.largest_burst},
          {"latency_ns",
           {{"count", one.latency.count},
            {"p50", one.latency.p50},
            {"p99", one.latency.p99},
            {"p999", one.latency.p999},
            {"max", one.latency.max}}}};
}

}  // namespace

std::string to_json(const Results& results) {
  ordered_json object;
  object["version"] = results.machine.version;
  object["machine"] = machine_object(results.machine);
  object["options"] = options_object(results.options);
  object["partial"] = results.partial();
  object["planned"] = planned(results.options);
  object["measured"] = results.measurements.size();
  object["capacity_per_second"] = {{"median", results.capacity()}, {"each", results.capacities}};
  object["scenes"] = ordered_json::array();
  for (const Scene& scene : scenes_of(results)) {
    object["scenes"].push_back(scene_object(scene, results.capacity()));
  }
  object["measurements"] = ordered_json::array();
  for (const Measurement& one : results.measurements) {
    object["measurements"].push_back(measurement_object(one));
  }
  // What /proc/cpuinfo says need not be UTF-8; what is not becomes U+FFFD.
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace bellpull::tools::compare
