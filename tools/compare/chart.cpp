// SPDX-License-Identifier: BSD-2-Clause
#include "chart.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "axis.hpp"
#include "svg.hpp"

namespace bellpull::tools::compare {

namespace {

// In pixels.
constexpr double kLeft = 72;
constexpr double kTop = 74;
constexpr double kPanelWidth = 330;
constexpr double kPanelHeight = 260;
constexpr double kGap = 60;
constexpr double kLegendWidth = 130;
constexpr double kBottom = 56;
constexpr double kText = 12;
constexpr double kSmall = 11;
constexpr double kStroke = 1.6;
constexpr double kBar = 2;
constexpr double kDot = 3;
// So far are the lines moved sideways, for bars that would hide each other.
constexpr double kAside = 2.5;

std::string colour_of(std::size_t number, const Series& series) {
  constexpr std::size_t kGrey = 6;
  return fmt::format("s{}", series.control ? kGrey : number);
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart);
  std::string finish() &&;

 private:
  void axes(Spot corner);
  void series(Spot corner, std::size_t number, std::size_t count, const Series& series);
  void legend(Spot corner, const std::vector<Series>& series);
  [[nodiscard]] double across(double x) const { return x_.at(x) * kPanelWidth; }
  [[nodiscard]] double down(double y) const { return (1 - y_.at(y)) * kPanelHeight; }

  const Chart& chart_;
  const Axis x_;
  const Axis y_;
  Svg svg_;
};

Axis y_axis(const Chart& chart) {
  std::vector<double> values;
  for (const Panel& panel : chart.panels) {
    for (const Series& series : panel.series) {
      for (const Mark& mark : series.marks) {
        if (!mark.y) continue;
        values.push_back(mark.y->median);
        if (!mark.y->interval) continue;
        values.push_back(mark.y->interval->low);
        values.push_back(mark.y->interval->high);
      }
    }
  }
  return chart.logarithmic_y ? decade_axis(values) : linear_axis(values);
}

double width_of(std::size_t panels) {
  const auto count = static_cast<double>(panels);
  return kLeft + count * kPanelWidth + (count - 1) * kGap + kLegendWidth;
}

Drawing::Drawing(const Chart& chart)
    : chart_(chart),
      x_(tick_axis(chart.x)),
      y_(y_axis(chart)),
      svg_(width_of(chart.panels.size()), kTop + kPanelHeight + kBottom, chart.title) {
  svg_.text({kLeft, 24}, chart.title, Anchor::start, 15);
  svg_.text({kLeft, 42}, chart.subtitle, Anchor::start, kSmall);
  svg_.text({18, kTop + kPanelHeight / 2}, chart.y_title, Anchor::middle, kText, true);
  Spot corner{kLeft, kTop};
  for (const Panel& panel : chart.panels) {
    svg_.text({corner.x + kPanelWidth / 2, corner.y - 8}, panel.title, Anchor::middle, kText);
    axes(corner);
    // The first is the most important one and drawn above the others.
    for (std::size_t i = panel.series.size(); i-- > 0;) {
      series(corner, i, panel.series.size(), panel.series[i]);
    }
    corner.x += kPanelWidth + kGap;
  }
  legend({corner.x - kGap + 16, kTop}, chart.panels.front().series);
}

void Drawing::axes(Spot corner) {
  for (const double tick : y_.ticks) {
    const double y = corner.y + down(tick);
    svg_.line({corner.x, y}, {corner.x + kPanelWidth, y}, "grid");
    svg_.text({corner.x - 6, y + 4}, fmt::format("{:g}", tick), Anchor::end, kSmall);
  }
  const double bottom = corner.y + kPanelHeight;
  for (const double tick : x_.ticks) {
    const double x = corner.x + across(tick);
    svg_.line({x, bottom}, {x, bottom + 4}, "frame");
    svg_.text({x, bottom + 17}, fmt::format("{:g}", tick), Anchor::middle, kSmall);
  }
  svg_.box(corner, kPanelWidth, kPanelHeight, "frame");
  svg_.text({corner.x + kPanelWidth / 2, bottom + 38}, chart_.x_title, Anchor::middle, kText);
}

void Drawing::series(Spot corner, std::size_t number, std::size_t count, const Series& series) {
  const std::string colour = colour_of(number, series);
  const double aside = (static_cast<double>(number) - static_cast<double>(count - 1) / 2) * kAside;
  std::vector<Spot> spots;
  const auto end_line = [&] {
    svg_.path(spots, colour, kStroke, series.control);
    for (const Spot& spot : spots) svg_.dot(spot, kDot, colour);
    spots.clear();
  };
  for (const Mark& mark : series.marks) {
    if (!mark.y || !y_.shows(mark.y->median)) {
      end_line();
      continue;
    }
    const double x = corner.x + across(mark.x) + aside;
    spots.push_back({x, corner.y + down(mark.y->median)});
    const auto& interval = mark.y->interval;
    if (!interval || !y_.shows(interval->low)) continue;
    svg_.line({x, corner.y + down(interval->low)}, {x, corner.y + down(interval->high)}, colour,
              kBar);
  }
  end_line();
}

void Drawing::legend(Spot corner, const std::vector<Series>& series) {
  for (std::size_t i = 0; i < series.size(); ++i) {
    const double y = corner.y + 10 + 20 * static_cast<double>(i);
    const std::vector<Spot> sample = {{corner.x, y}, {corner.x + 22, y}};
    svg_.path(sample, colour_of(i, series[i]), kStroke, series[i].control);
    svg_.dot({corner.x + 11, y}, kDot, colour_of(i, series[i]));
    svg_.text({corner.x + 28, y + 4}, series[i].name, Anchor::start, kText);
  }
}

std::string Drawing::finish() && {
  return std::move(svg_).finish();
}

}  // namespace

std::string to_svg(const Chart& chart) {
  return Drawing(chart).finish();
}

}  // namespace bellpull::tools::compare
