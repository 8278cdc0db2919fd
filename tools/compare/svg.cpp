// SPDX-License-Identifier: BSD-2-Clause
#include "svg.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace bellpull::tools::compare {

namespace {

// Seven colours that can be told apart on white and on black; the last one is grey.
constexpr std::string_view kLooks = R"(<style>
text{fill:#222;font-family:sans-serif}
.paper{fill:#fff}
.frame{color:#888}
.grid{color:#e4e4e4}
.s0{color:#d9483b}
.s1{color:#c98a0c}
.s2{color:#8f6fd0}
.s3{color:#2a9d5c}
.s4{color:#2f86d1}
.s5{color:#17a5b5}
.s6{color:#8c8c8c}
@media (prefers-color-scheme:dark){
text{fill:#ddd}
.paper{fill:#161616}
.grid{color:#333}
}
</style>
)";

std::string_view word_of(Anchor anchor) {
  switch (anchor) {
    case Anchor::start:
      return "start";
    case Anchor::middle:
      return "middle";
    case Anchor::end:
      break;
  }
  return "end";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += static_cast<unsigned char>(c) < ' ' ? '?' : c;
    }
  }
  return result;
}

Svg::Svg(double width, double height, std::string_view title)
    : text_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" "
                        "height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\">\n"
                        "<title>{2}</title>\n{3}"
                        "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n",
                        width, height, escaped(title), kLooks)) {}

void Svg::text(Spot at, std::string_view words, Anchor anchor, double size, bool turned) {
  fmt::format_to(std::back_inserter(text_),
                 "<text x=\"{0:.1f}\" y=\"{1:.1f}\" text-anchor=\"{2}\" font-size=\"{3:g}\"{4}>{5}"
                 "</text>\n",
                 at.x, at.y, word_of(anchor), size,
                 turned ? fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", at.x, at.y) : "",
                 escaped(words));
}

void Svg::line(Spot from, Spot to, std::string_view colour, double width) {
  fmt::format_to(std::back_inserter(text_),
                 "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\" "
                 "stroke=\"currentColor\" stroke-width=\"{:g}\"/>\n",
                 from.x, from.y, to.x, to.y, escaped(colour), width);
}

void Svg::path(std::span<const Spot> spots, std::string_view colour, double width, bool dashed) {
  if (spots.empty()) return;
  std::string points;
  for (const Spot& spot : spots) points += fmt::format(" {:.1f},{:.1f}", spot.x, spot.y);
  fmt::format_to(std::back_inserter(text_),
                 "<polyline points=\"{}\" class=\"{}\" fill=\"none\" stroke=\"currentColor\" "
                 "stroke-width=\"{:g}\"{}/>\n",
                 std::string_view(points).substr(1), escaped(colour), width,
                 dashed ? " stroke-dasharray=\"5 4\"" : "");
}

void Svg::dot(Spot at, double radius, std::string_view colour) {
  fmt::format_to(std::back_inserter(text_),
                 "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\" class=\"{}\" "
                 "fill=\"currentColor\"/>\n",
                 at.x, at.y, radius, escaped(colour));
}

void Svg::box(Spot corner, double width, double height, std::string_view colour) {
  fmt::format_to(std::back_inserter(text_),
                 "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\" "
                 "fill=\"none\" stroke=\"currentColor\"/>\n",
                 corner.x, corner.y, width, height, escaped(colour));
}

std::string Svg::finish() && {
  text_ += "</svg>\n";
  return std::move(text_);
}

}  // namespace bellpull::tools::compare
