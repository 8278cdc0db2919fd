// SPDX-License-Identifier: BSD-2-Clause
#include "report.hpp"

#include <algorithm>
#include <cstdlib>

namespace bellpull::tools::compare {

namespace {

using Repetitions = std::vector<const Measurement*>;  // that count

Repetitions valid_ones(const Results& results, const Point& point) {
  Repetitions all;
  for (const Measurement& one : results.measurements) {
    if (one.point == point && one.outcome.valid()) all.push_back(&one);
  }
  return all;
}

std::vector<double> values_of(const Repetitions& repetitions, const Metric& metric) {
  std::vector<double> values;
  for (const Measurement* one : repetitions) {
    if (const auto value = metric.value(*one)) values.push_back(*value);
  }
  return values;
}

std::vector<double> ratios_of(const Repetitions& repetitions, const Repetitions& base,
                              const Metric& metric) {
  std::vector<double> ratios;
  for (const Measurement* one : repetitions) {
    const auto same = std::find_if(base.begin(), base.end(), [one](const Measurement* other) {
      return other->repetition == one->repetition;
    });
    if (same == base.end()) continue;
    const auto value = metric.value(*one);
    const auto reference = metric.value(**same);
    if (value && reference && *reference > 0) ratios.push_back(*value / *reference);
  }
  return ratios;
}

Summary summary_of(const Results& results, const Point& point, const Repetitions& base) {
  Summary summary{.contender = point.contender, .values = {}, .ratios = {}};
  const Repetitions repetitions = valid_ones(results, point);
  summary.valid = repetitions.size();
  summary.invalid = static_cast<std::size_t>(std::count_if(
      results.measurements.begin(), results.measurements.end(),
      [&](const Measurement& one) { return one.point == point && !one.outcome.valid(); }));
  const std::uint64_t seed = results.options.seed;
  for (const Metric& metric : metrics()) {
    summary.values.push_back(estimate(values_of(repetitions, metric), seed));
    const bool compared = metric.compared && point.contender != kBase;
    summary.ratios.push_back(compared ? estimate(ratios_of(repetitions, base, metric), seed)
                                      : std::nullopt);
  }
  return summary;
}

}  // namespace

double Results::capacity() const {
  return capacities.empty() ? 0 : median(capacities);
}

std::uint64_t Results::unexplained() const {
  std::uint64_t frames = 0;
  for (const Measurement& one : measurements) {
    frames += static_cast<std::uint64_t>(std::abs(one.outcome.unexplained));
  }
  return frames;
}

std::vector<Scene> scenes_of(const Results& results) {
  std::vector<Scene> scenes;
  for (const netdrv::Mode mode : results.options.modes) {
    for (const double load : results.options.loads) {
      Scene& scene = scenes.emplace_back(Scene{.mode = mode, .load = load, .summaries = {}});
      const Repetitions base = valid_ones(results, {kBase, mode, load});
      for (const Contender& contender : contenders(results.options)) {
        scene.summaries.push_back(summary_of(results, {contender, mode, load}, base));
      }
    }
  }
  return scenes;
}

}  // namespace bellpull::tools::compare
