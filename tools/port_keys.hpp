// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "choice.hpp"

namespace bellpull::tools {

/// Positions in a list of keys, as bits.
using KeySet = std::uint32_t;

/// The set of one key.
[[nodiscard]] constexpr KeySet key_bit(std::size_t key) noexcept {
  return KeySet{1} << key;
}

/// What is done with a value: `subject` is whose value it is, for messages.
using TakeValue =
    std::function<void(std::size_t key, const std::string& subject, std::string_view value)>;

/// Reads `pairs`, KEY=VALUE with a comma between two, and hands each value to `take`. `subject` is
/// the PORT they belong to. Returns the keys that were there. Throws UsageError for a key that is
/// unknown, has no value, or is given twice and not among `repeatable`, and passes on what `take`
/// throws.
KeySet read_keys(const std::string& subject, std::string_view pairs, std::span<const Word> keys,
                 KeySet repeatable, const TakeValue& take);

/// Throws UsageError for what the kernel would not take as the name of an interface.
void check_name(const std::string& subject, std::string_view name);

}  // namespace bellpull::tools
