// SPDX-License-Identifier: BSD-2-Clause
#include "plots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "chart.hpp"

namespace bellpull::tools::compare {

namespace {

struct Subject {
  std::string_view title;
  std::string_view y_title;
  Quantity quantity;
  double scale;  // 0: by the capacity
  bool logarithmic;
};

constexpr std::array<Subject, kPlotFiles.size()> kSubjects = {
    {{"Goodput over load", "frames done with, share of capacity", Quantity::goodput, 0, false},
     {"Latency over load: 99 of 100 frames", "from due to hand-over, us", Quantity::p99, 1e-3,
      true},
     {"Processor time over load", "per frame, all threads, ns", Quantity::cpu, 1, true}}};

std::optional<Estimate> scaled(std::optional<Estimate> estimate, double by) {
  if (!estimate) return estimate;
  estimate->median *= by;
  if (estimate->interval) {
    estimate->interval->low *= by;
    estimate->interval->high *= by;
  }
  return estimate;
}

Panel panel_of(const std::vector<Scene>& scenes, netdrv::Mode mode, const Subject& subject,
               double scale, const std::vector<Contender>& contenders) {
  Panel panel{.title = fmt::format("mode {}", name_of(mode)), .series = {}};
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    Series series{
        .name = std::string(contenders[i].name()), .marks = {}, .control = contenders[i].control};
    for (const Scene& scene : scenes) {
      if (scene.mode != mode) continue;
      series.marks.push_back(
          {scene.load, scaled(scene.summaries[i].value(subject.quantity), scale)});
    }
    std::sort(series.marks.begin(), series.marks.end(),
              [](const Mark& a, const Mark& b) { return a.x < b.x; });
    panel.series.push_back(std::move(series));
  }
  return panel;
}

}  // namespace

std::vector<std::string> plots_of(const Results& results) {
  const Options& options = results.options;
  const std::vector<Scene> scenes = scenes_of(results);
  const double capacity = results.capacity();
  std::vector<std::string> plots;
  for (const Subject& subject : kSubjects) {
    Chart chart{.title = std::string(subject.title),
                .subtitle = fmt::format(
                    "{}, {} ns of work per frame of {} bytes, {} repetitions{}: medians, 95 % "
                    "intervals",
                    scene_of(options), options.work_ns, options.size, options.repetitions,
                    results.partial() ? ", ended early" : ""),
                .x_title = "offered, share of capacity",
                .y_title = std::string(subject.y_title),
                .x = options.loads,
                .logarithmic_y = subject.logarithmic,
                .panels = {}};
    const double scale = subject.scale != 0 ? subject.scale : capacity > 0 ? 1 / capacity : 0;
    for (const netdrv::Mode mode : options.modes) {
      chart.panels.push_back(panel_of(scenes, mode, subject, scale, contenders(options)));
    }
    plots.push_back(to_svg(chart));
  }
  return plots;
}

}  // namespace bellpull::tools::compare
