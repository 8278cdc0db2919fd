// SPDX-License-Identifier: BSD-2-Clause
#include "number.hpp"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "error.hpp"

namespace bellpull::tools {

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
  double value = 0;
  const char* const end = text.data() + text.size();
  // `fixed` keeps out exponents, and the comparisons what is not a number.
  const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error == std::errc{} && rest == end && value <= kMost) {
    const auto result =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(value));
    if (result.count() > 0) return result;
  }
  throw UsageError(fmt::format(
      "{}: '{}' is no number of seconds above 0: give one, such as 10 or 0.5", subject, text));
}

}  // namespace bellpull::tools
