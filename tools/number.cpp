// SPDX-License-Identifier: BSD-2-Clause
#include "number.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <system_error>

#include "error.hpp"

namespace bellpull::tools {

namespace {

// What a unit stands for.
struct Unit {
  std::string_view text;
  double value;
};

constexpr std::array kNoUnit = {Unit{"", 1}};
constexpr std::array kThousands = {Unit{"", 1}, Unit{"k", 1e3}, Unit{"M", 1e6}, Unit{"G", 1e9}};
constexpr std::array kTimes = {Unit{"", 1e6}, Unit{"ms", 1e6}, Unit{"us", 1e3}, Unit{"ns", 1},
                               Unit{"s", 1e9}};

// A decimal number and its unit, multiplied; none when it is not both.
std::optional<double> scan_decimal(std::string_view text, std::span<const Unit> units) {
  double value = 0;
  const char* const end = text.data() + text.size();
  // `fixed` keeps out exponents.
  const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(value)) return {};
  const std::string_view behind(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : units) {
    if (unit.text == behind) return value * unit.value;
  }
  return {};
}

}  // namespace

std::uint64_t parse_number(std::string_view subject, std::string_view text, std::uint64_t least,
                           std::uint64_t most) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && rest == end && value >= least && value <= most) return value;
  throw UsageError(fmt::format("{}: '{}' is no whole number from {} to {}: give one", subject, text,
                               least, most));
}

std::uint64_t parse_size(std::string_view subject, std::string_view text, std::uint64_t least,
                         std::uint64_t most) {
  constexpr std::string_view kSuffixes = "kMG";
  constexpr unsigned kBitsEach = 10;
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  const std::size_t known = suffix.empty() ? 0 : kSuffixes.find(suffix);
  if (error == std::errc{} && known != std::string_view::npos && suffix.size() <= 1) {
    const std::size_t shift = suffix.empty() ? 0 : (known + 1) * kBitsEach;
    if (value <= most >> shift && value << shift >= least) return value << shift;
  }
  throw UsageError(
      fmt::format("{}: '{}' is no number of bytes from {} to {}: give one, such as "
                  "4096, 64k or 1M",
                  subject, text, least, most));
}

std::chrono::nanoseconds parse_seconds(std::string_view subject, std::string_view text) {
  constexpr double kMost = 1e9;
  const auto value = scan_decimal(text, kNoUnit);
  if (value && *value <= kMost) {
    const auto result =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(*value));
    if (result.count() > 0) return result;
  }
  throw UsageError(fmt::format(
      "{}: '{}' is no number of seconds above 0: give one, such as 10 or 0.5", subject, text));
}

double parse_rate(std::string_view subject, std::string_view text) {
  const auto value = scan_decimal(text, kThousands);
  if (value && *value > 0) return *value;
  throw UsageError(
      fmt::format("{}: '{}' is no number of frames per second above 0: give one, such as 1000, "
                  "50k or 1.5M",
                  subject, text));
}

double parse_share(std::string_view subject, std::string_view text) {
  const auto value = scan_decimal(text, kNoUnit);
  if (value && *value >= 0 && *value <= 1) return *value;
  throw UsageError(
      fmt::format("{}: '{}' is no number from 0 to 1: give one, such as 0.1", subject, text));
}

std::uint64_t parse_time(std::string_view subject, std::string_view text) {
  constexpr double kMost = 1e15;
  const auto value = scan_decimal(text, kTimes);
  if (value && *value >= 1 && *value <= kMost) return static_cast<std::uint64_t>(*value);
  throw UsageError(fmt::format(
      "{}: '{}' is no time from 1ns to 1000000s: give one, such as 10 (ms), 500us or 2s", subject,
      text));
}

}  // namespace bellpull::tools
