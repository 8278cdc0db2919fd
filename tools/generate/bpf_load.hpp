// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <string_view>

struct bpf_object_skeleton;

namespace bellpull::tools::generate {

/// Loads the programs of an open skeleton. `what` they are is for the message. Throws
/// std::system_error with the reason and, when the verifier refused one of them, the last lines
/// that it said. libbpf itself prints nothing from now on.
void load_programs(bpf_object_skeleton& skeleton, std::string_view what);

/// The last `count` lines that are not empty, joined to one; without the verifier's own statistics.
[[nodiscard]] std::string last_lines(std::string_view log, unsigned count);

}  // namespace bellpull::tools::generate
