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

}  // namespace bellpull::tools
