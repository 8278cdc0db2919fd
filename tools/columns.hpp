// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellpull::tools {

/// A row of a table; all of a table have as many cells.
using Row = std::vector<std::string>;

/// A line per row, in columns that are as wide as they must be. The first `words` columns lean
/// left, the others are numbers and lean right. Each line begins with `margin`.
[[nodiscard]] std::string in_columns(std::span<const Row> rows, std::size_t words,
                                     std::string_view margin = {});

}  // namespace bellpull::tools
