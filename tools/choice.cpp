// SPDX-License-Identifier: BSD-2-Clause
#include "choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "error.hpp"

namespace bellpull::tools {

std::string one_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

std::string one_of_built(std::span<const Word> words) {
  std::vector<std::string_view> built;
  for (const Word& word : words) {
    if (word.built) built.push_back(word.text);
  }
  return one_of(built);
}

std::size_t choose(std::string_view option, std::string_view typed, std::span<const Word> words) {
  const auto found =
      std::find_if(words.begin(), words.end(), [&](const Word& w) { return w.text == typed; });
  if (found == words.end()) {
    throw UsageError(
        fmt::format("{}: '{}' is unknown: use {}", option, typed, one_of_built(words)));
  }
  if (!found->built) {
    throw UsageError(fmt::format("{}: '{}' comes in a later version: use {}", option, typed,
                                 one_of_built(words)));
  }
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace bellpull::tools
