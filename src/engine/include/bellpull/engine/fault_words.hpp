// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <charconv>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

// What parsers of fault plans have in common: rules with `;` between them, words with `:`.
namespace bellpull::engine {

/// Takes what stands before `mark` off the front of `rest`; all of it when there is none.
[[nodiscard]] inline std::string_view take_until(std::string_view& rest, char mark) {
  const std::size_t at = rest.find(mark);
  const std::string_view taken = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return taken;
}

/// A word as an error names it.
[[nodiscard]] inline std::string quoted(std::string_view word) {
  return "'" + std::string(word) + "'";
}

/// Reads `text`, the value in `word`, as a number from `least` to `most`. Returns what is wrong, or
/// nothing.
template <class Number>
[[nodiscard]] std::string read_number(
    std::string_view word, std::string_view text, std::type_identity_t<Number> least, Number& into,
    std::type_identity_t<Number> most = std::numeric_limits<Number>::max()) {
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, into);
  if (result.ec == std::errc{} && result.ptr == end && into >= least && into <= most) return {};
  return quoted(word) + ": choose a number from " + std::to_string(least) + " to " +
         std::to_string(most);
}

}  // namespace bellpull::engine
