// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <array>
#include <regex>

#include "compare/axis.hpp"
#include "compare/plots.hpp"
#include "compare/svg.hpp"
#include "sample_comparison.hpp"

using namespace bellpull;
using namespace bellpull::tools::compare;

namespace {

// Why it is no well-formed XML as far as these pictures use it, or nothing: elements nest,
// attributes are quoted and given once, and & and < are written as they have to be.
std::string fault_of(const std::string& text) {
  static const std::regex tag(R"re(<(/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(/?)>)re");
  static const std::regex stray(R"re(&(?!(amp|lt|gt|quot);))re");
  if (std::regex_search(text, stray)) return "a stray &";
  std::vector<std::string> open;
  auto at = text.cbegin();
  for (std::smatch found; std::regex_search(at, text.cend(), found, tag); at = found[0].second) {
    if (std::find(found[0].first - found.position(0), found[0].first, '<') != found[0].first) {
      return "a stray < before " + found.str(0);
    }
    if (found.length(1) != 0) {
      if (open.empty() || open.back() != found.str(2)) return "nobody opened " + found.str(0);
      open.pop_back();
    } else if (found.length(4) == 0) {
      open.push_back(found.str(2));
    }
    if (open.empty() && found[0].second != text.cend() - 1) return "more than one element";
  }
  if (std::find(at, text.cend(), '<') != text.cend()) return "a stray <";
  return open.empty() ? "" : "nobody closed " + open.back();
}

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("svg: what is no well-formed picture is found out") {
  CHECK(fault_of("<svg><g/></svg>\n").empty());
  CHECK(fault_of("<svg a=\"1\"></svg>\n").empty());
  for (const char* broken :
       {"<svg><g></svg>\n", "<svg>\n", "</svg>\n", "<svg>a & b</svg>\n", "<svg>a < b</svg>\n",
        "<svg></svg><svg></svg>\n", "<svg a=1></svg>\n", "<svg a=\"<\"></svg>\n"}) {
    CAPTURE(broken);
    CHECK_FALSE(fault_of(broken).empty());
  }
}

TEST_CASE("svg: text is escaped, wherever it stands") {
  CHECK(escaped("a<b>&\"c\"\n\x01") == "a&lt;b&gt;&amp;&quot;c&quot;??");
  Svg svg(100, 50, "a <title> & more");
  svg.text({1, 2}, "\"<&>\"", Anchor::end, 10, true);
  svg.line({0, 0}, {1, 1}, "a\"b");
  const std::array<Spot, 2> spots = {{{0, 0}, {10.25, 3}}};
  svg.path(spots, "s0", 1.5, true);
  svg.path({}, "nothing", 1, false);
  svg.dot({3, 4}, 2, "s1");
  svg.box({0, 0}, 10, 20, "frame");
  const std::string text = std::move(svg).finish();
  CHECK(fault_of(text) == "");
  CHECK(count_of(text, "&lt;title&gt; &amp; more") == 1);
  CHECK(count_of(text, "points=\"0.0,0.0 10.2,3.0\"") == 1);
  CHECK(count_of(text, "nothing") == 0);
}

TEST_CASE("svg: it needs nothing beside itself, and has colours for dark pages") {
  const std::string text = Svg(1, 1, "t").finish();
  CHECK(count_of(text, "prefers-color-scheme:dark") == 1);
  CHECK(count_of(text, "http") == 1);  // the name space
  for (const char* part : {"href", "script", "@import", "url("}) CHECK(count_of(text, part) == 0);
}

TEST_CASE("axis: even steps of 1, 2 or 5 from 0 to above all values") {
  const Axis axis = linear_axis({0.2, 1.07, 0.9});
  CHECK(axis.low == 0);
  CHECK(axis.high == doctest::Approx(1.2));
  REQUIRE(axis.ticks.size() == 7);
  CHECK(axis.ticks[1] == doctest::Approx(0.2));
  CHECK(axis.at(0.6) == doctest::Approx(0.5));
  CHECK(linear_axis({5000}).high == doctest::Approx(5000));
  CHECK(linear_axis({}).high == 1);
  CHECK(linear_axis({0, 0}).high == 1);
}

TEST_CASE("axis: powers of ten around all values above 0") {
  const Axis axis = decade_axis({0, 12, 950, -5});
  CHECK(axis.low == doctest::Approx(10));
  CHECK(axis.high == doctest::Approx(1000));
  CHECK(axis.ticks.size() == 3);
  CHECK(axis.at(100) == doctest::Approx(0.5));
  CHECK_FALSE(axis.shows(0));
  CHECK(decade_axis({10}).high > decade_axis({10}).low);
  CHECK(decade_axis({}).high > decade_axis({}).low);
}

TEST_CASE("axis: one value is in the middle") {
  CHECK(tick_axis({3}).at(3) == doctest::Approx(0.5));
  CHECK(tick_axis({3, 0.1}).at(0.1) > 0);
  CHECK(tick_axis({3, 0.1}).at(3) < 1);
}

TEST_CASE("compare: every plot has a line per style, a bar per interval, and a legend") {
  const auto plots = plots_of(test::sample_comparison());
  REQUIRE(plots.size() == kPlotFiles.size());
  for (const std::string& plot : plots) {
    CHECK(fault_of(plot) == "");
    CHECK(count_of(plot, "<polyline") == 2 * 3);  // and a sample of each
    CHECK(count_of(plot, "<circle") == 2 * 3);
    CHECK(count_of(plot, "stroke-width=\"2\"") == 3);
    CHECK(count_of(plot, "stroke-dasharray") == 2);
    for (const char* name : {">push<", ">poll<", ">poll (control)<", ">mode interrupt<"}) {
      CHECK(count_of(plot, name) == 1);
    }
  }
  CHECK(count_of(plots[1], " us</text>") == 1);
}

TEST_CASE("compare: plots of little or nothing are plots as well") {
  Results results = test::sample_comparison();
  results.options.loads = {0.5, 2};  // at which nothing was measured
  for (const std::string& plot : plots_of(results)) {
    CHECK(fault_of(plot) == "");
    CHECK(count_of(plot, "<circle") == 2 * 3);
    CHECK(count_of(plot, "nan") + count_of(plot, "inf") == 0);
  }
  results.measurements.clear();
  results.capacities.clear();
  for (const std::string& plot : plots_of(results)) {
    CHECK(fault_of(plot) == "");
    CHECK(count_of(plot, "<circle") == 3);
    CHECK(count_of(plot, "nan") + count_of(plot, "inf") == 0);
  }
}
