// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "columns.hpp"
#include "report.hpp"

namespace bellpull::tools::compare {

namespace {

// A column of the first table: a number, as it is shown.
struct Column {
  std::string_view title;
  Quantity quantity;
  double scale;
  int decimals;
};

constexpr double kPercent = 100;
constexpr double kMicro = 1e-3;
constexpr std::array kColumns = {Column{"frames/s", Quantity::goodput, 1, 0},
                                 Column{"loop ns", Quantity::loop_cpu, 1, 0},
                                 Column{"eng ns", Quantity::engine_cpu, 1, 0},
                                 Column{"sys ns", Quantity::system_cpu, 1, 0},
                                 Column{"p50 us", Quantity::p50, kMicro, 1},
                                 Column{"p99 us", Quantity::p99, kMicro, 1},
                                 Column{"p99.9 us", Quantity::p999, kMicro, 1},
                                 Column{"bells", Quantity::notifies, 1, 3},
                                 Column{"calls", Quantity::border_calls, 1, 2},
                                 Column{"burst", Quantity::largest_burst, 1, 0},
                                 Column{"missed", Quantity::missed, kPercent, 1},
                                 Column{"dropped", Quantity::dropped, kPercent, 1}};

struct Ratio {
  std::string_view title;
  Quantity quantity;
};
constexpr std::array kRatios = {Ratio{"frames/s", Quantity::goodput},
                                Ratio{"CPU per frame", Quantity::cpu}, Ratio{"p99", Quantity::p99}};

std::string mark(const Summary& summary) {
  if (summary.invalid == 0) return {};
  return summary.valid == 0 ? "invalid" : fmt::format("{} invalid", summary.invalid);
}

std::string values_table(const Scene& scene, double capacity) {
  Row titles = {"style"};
  for (const Column& column : kColumns) {
    titles.emplace_back(column.title);
    if (column.quantity == Quantity::goodput) titles.emplace_back("share");
  }
  titles.emplace_back();
  std::vector<Row> rows = {std::move(titles)};
  for (const Summary& summary : scene.summaries) {
    Row& row = rows.emplace_back(Row{std::string(summary.contender.name())});
    for (const Column& column : kColumns) {
      const auto& value = summary.value(column.quantity);
      row.push_back(value ? fmt::format("{:.{}f}", value->median * column.scale, column.decimals)
                          : "-");
      if (column.quantity != Quantity::goodput) continue;
      row.push_back(value ? fmt::format("{:.3f}", value->median / capacity) : "-");
    }
    row.push_back(mark(summary));
  }
  return in_columns(rows, 1, "  ");
}

std::string ratio_text(const std::optional<Estimate>& ratio) {
  if (!ratio) return "-";
  std::string text = fmt::format("{:.3f}", ratio->median);
  if (!ratio->interval) return text;
  return text + fmt::format(" [{:.3f}, {:.3f}] {}", ratio->interval->low, ratio->interval->high,
                            ratio->differs_from(1) ? ' ' : '=');
}

std::string ratios_table(const Scene& scene) {
  Row titles = {"to poll"};
  for (const Ratio& ratio : kRatios) titles.emplace_back(ratio.title);
  std::vector<Row> rows = {std::move(titles)};
  for (const Summary& summary : scene.summaries) {
    if (summary.contender == kBase) continue;
    Row& row = rows.emplace_back(Row{std::string(summary.contender.name())});
    for (const Ratio& ratio : kRatios) row.push_back(ratio_text(summary.ratio(ratio.quantity)));
  }
  return in_columns(rows, 1, "  ");
}

std::string head(const Results& results) {
  const Options& options = results.options;
  const Machine& machine = results.machine;
  return fmt::format(
      "compare: {}, work {} ns, size {}, budget {}, seed {}\n"
      "{}, {}, bellpull {} by {}\n"
      "capacity {:.0f} frames/s; {} repetitions of {} s in random order\n",
      scene_of(options), options.work_ns, options.size, options.budget, options.seed,
      machine.processor, machine.kernel, machine.version, machine.compiler, results.capacity(),
      options.repetitions, options.seconds);
}

std::string notes(const Results& results) {
  const bool on_taps = results.options.ports == Ports::tap;
  std::string text = fmt::format(
      "\nMedians. ns: of processor time per frame, in the loop's thread, in the engine's, and of "
      "both in the\nkernel; us: from when a frame was due to its hand-over; bells, calls (between "
      "driver and engine): per\nframe; burst: most frames in one hand-over; missed ({}), dropped "
      "(after receiving):\npercent of the frames offered. Ratios to poll are "
      "taken "
      "within a repetition; [95 % interval], from {} of\nthem on; = no difference: it holds 1.\n",
      on_taps ? "the TAP's queue was full" : "for want of a buffer", kEnough);
  const auto invalid = std::count_if(results.measurements.begin(), results.measurements.end(),
                                     [](const Measurement& one) { return !one.outcome.valid(); });
  if (invalid != 0) {
    text += fmt::format(
        "{} of {} measurements are invalid and left out: {}\n", invalid,
        results.measurements.size(),
        on_taps ? "more than 1 % of the frames were sent over 1 ms late;\nlet nothing else run "
                  "meanwhile, or offer less."
                : "the machine kept the device off its core; let nothing\nelse run meanwhile.");
  }
  const std::uint64_t unexplained = results.unexplained();
  if (unexplained != 0) {
    text += fmt::format(
        "{} frames are unexplained: neither done with nor dropped by anybody who "
        "counts it. Please report this.\n",
        unexplained);
  }
  if (results.partial()) {
    text += fmt::format("partial: {} of {} measurements\n", results.measurements.size(),
                        planned(results.options));
  }
  return text;
}

}  // namespace

std::string to_table(const Results& results) {
  std::string text = head(results);
  for (const Scene& scene : scenes_of(results)) {
    const bool any = std::any_of(scene.summaries.begin(), scene.summaries.end(),
                                 [](const Summary& one) { return one.valid + one.invalid != 0; });
    if (!any) continue;
    text += fmt::format("\nmode {}, load {} ({:.0f} frames/s)\n", name_of(scene.mode), scene.load,
                        scene.load * results.capacity());
    text += values_table(scene, results.capacity());
    text += ratios_table(scene);
  }
  return text + notes(results);
}

}  // namespace bellpull::tools::compare
