// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bellpull::tools::compare {

/// A place in a drawing, in pixels from its upper left corner.
struct Spot {
  double x = 0;  ///< to the right
  double y = 0;  ///< down
};

/// Which end of a text is at its spot.
enum class Anchor : std::uint8_t { start, middle, end };

/// Writes an SVG picture that needs nothing beside itself and goes with a light and a dark page.
/// Colours are those of classes: "frame" and "grid" for axes, "s0" to "s6" for what is shown.
class Svg {
 public:
  /// `title` is for who cannot see it.
  Svg(double width, double height, std::string_view title);

  /// A text of so many pixels in height; `turned`: reading upwards.
  void text(Spot at, std::string_view words, Anchor anchor, double size, bool turned = false);
  /// A straight line.
  void line(Spot from, Spot to, std::string_view colour, double width = 1);
  /// A line through all of them, in their order.
  void path(std::span<const Spot> spots, std::string_view colour, double width, bool dashed);
  /// A small filled circle.
  void dot(Spot at, double radius, std::string_view colour);
  /// The edges of a rectangle.
  void box(Spot corner, double width, double height, std::string_view colour);

  /// The whole document. Nothing can be drawn afterwards.
  [[nodiscard]] std::string finish() &&;

 private:
  std::string text_;
};

/// Text as it is written in XML. Characters that no XML document can have become '?'.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace bellpull::tools::compare
