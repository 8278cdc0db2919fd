// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellpull::tools {

/// A word that an option can be given.
struct Word {
  std::string_view text;  ///< as typed
  bool built = true;      ///< false: the word is reserved, what it stands for comes later
};

/// Position in `words` of the one that was typed. `option` is whose word it is, for the message.
/// Throws UsageError for a word that is reserved or unknown, naming those that can be used and
/// the one that was probably meant.
[[nodiscard]] std::size_t choose(std::string_view option, std::string_view typed,
                                 std::span<const Word> words);

/// "a", "a or b", "a, b or c".
[[nodiscard]] std::string one_of(std::span<const std::string_view> words);

/// The words that can be used, joined by one_of().
[[nodiscard]] std::string one_of_built(std::span<const Word> words);

}  // namespace bellpull::tools
