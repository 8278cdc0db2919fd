// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bellpull::tools {

/// Most bytes that the file of a trace may have.
inline constexpr std::size_t kMostTraceBytes = std::size_t{64} << 20;

/// The moments in the file `path`: text, on each line a number of nanoseconds from the start, in
/// order. At least one. `subject` is what asks for it, for messages. Throws std::system_error when
/// it cannot be read, and UsageError for the first line that is not as it has to be.
[[nodiscard]] std::vector<std::uint64_t> read_trace(const std::string& subject,
                                                    const std::string& path);

}  // namespace bellpull::tools
