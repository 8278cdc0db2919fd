// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace bellpull::tools {

/// The whole number written in `text`, decimal. `subject` is what it belongs to, for the message.
/// Throws UsageError when it is none from `least` to `most`.
[[nodiscard]] std::uint64_t parse_number(std::string_view subject, std::string_view text,
                                         std::uint64_t least, std::uint64_t most);

/// A number of bytes, with a k, M or G behind it for powers of 1024. Throws UsageError when it is
/// none from `least` to `most`.
[[nodiscard]] std::uint64_t parse_size(std::string_view subject, std::string_view text,
                                       std::uint64_t least, std::uint64_t most);

/// A number of seconds, with decimals if need be, above 0 and up to a thousand million. Throws
/// UsageError for anything else.
[[nodiscard]] std::chrono::nanoseconds parse_seconds(std::string_view subject,
                                                     std::string_view text);

/// A number of frames per second, with decimals if need be and a k, M or G behind it for powers of
/// 1000. Throws UsageError when it is none above 0.
[[nodiscard]] double parse_rate(std::string_view subject, std::string_view text);

/// A share of a whole, from 0 to 1. Throws UsageError for anything else.
[[nodiscard]] double parse_share(std::string_view subject, std::string_view text);

/// A time in milliseconds, or in what is said behind it: s, ms, us or ns; with decimals if need be,
/// in nanoseconds, 1 to 10^15. Throws UsageError for anything else.
[[nodiscard]] std::uint64_t parse_time(std::string_view subject, std::string_view text);

}  // namespace bellpull::tools
