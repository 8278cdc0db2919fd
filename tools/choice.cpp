// SPDX-License-Identifier: BSD-2-Clause
#include "choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

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

namespace {

// How many letters have to be put in, taken out or changed to make one of the other (Levenshtein).
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, diagonal + 1, row[j] + 1});
    }
  }
  return row[b.size()];
}

// A question for the word that was probably meant, if there is one. What is long enough to be no
// word is not looked at, so that it takes no time.
std::string did_you_mean(std::string_view typed, std::span<const Word> words) {
  constexpr std::size_t kLongest = 64;
  std::size_t least = std::max<std::size_t>(1, typed.size() / 3) + 1;
  const Word* nearest = nullptr;
  for (const Word& word : words) {
    if (!word.built || typed.size() > kLongest) continue;
    const std::size_t distance = edits(typed, word.text);
    if (distance >= least) continue;
    least = distance;
    nearest = &word;
  }
  return nearest == nullptr ? "" : fmt::format("; did you mean {}?", nearest->text);
}

}  // namespace

std::size_t choose(std::string_view option, std::string_view typed, std::span<const Word> words) {
  const auto found =
      std::find_if(words.begin(), words.end(), [&](const Word& w) { return w.text == typed; });
  if (found == words.end()) {
    throw UsageError(fmt::format("{}: '{}' is unknown: use {}{}", option, typed,
                                 one_of_built(words), did_you_mean(typed, words)));
  }
  if (!found->built) {
    throw UsageError(fmt::format("{}: '{}' comes in a later version: use {}", option, typed,
                                 one_of_built(words)));
  }
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace bellpull::tools
