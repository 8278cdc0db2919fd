// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "settings.hpp"

namespace bellpull::tools {

// What is said on a control socket, in lines of text. Each is one message of a SOCK_SEQPACKET
// socket, so that it arrives whole or not at all. A request:
//   list                          a line for each setting
//   set\nKEY=VALUE\nKEY=VALUE...  all of them or none
// and its answer:
//   ok\nNAME\tVALUE\tRANGE\tHELP\n...   the rows only for list
//   usage\nLINE                         what was asked cannot be: nothing has changed
//   failure\nLINE                       it did not work

/// Bytes of the largest request that is answered.
inline constexpr std::size_t kMostRequest = 4096;

/// Bytes of the largest answer.
inline constexpr std::size_t kMostAnswer = 65536;

/// A setting as it is told of.
struct SettingRow {
  std::string name;   ///< Setting::name
  std::string value;  ///< as of now
  std::string range;  ///< Setting::range
  std::string help;   ///< Setting::help
};

/// The request that lists the settings when there are no assignments, and makes them otherwise.
[[nodiscard]] std::string request_for(std::span<const std::string> assignments);

/// Does what a request of any bytes asks for and says what is to be answered.
[[nodiscard]] std::string answer_to(std::string_view request, const SettingTable& settings);

/// The answer to a request that is too large.
[[nodiscard]] std::string answer_to_oversize(std::size_t bytes);

/// The settings that an answer tells of; none for one that says no more than ok. Throws UsageError
/// or std::runtime_error with the line that the answer has, or because it makes no sense.
[[nodiscard]] std::vector<SettingRow> understand_answer(std::string_view answer);

}  // namespace bellpull::tools
