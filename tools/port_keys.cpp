// SPDX-License-Identifier: BSD-2-Clause
#include "port_keys.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>

#include "error.hpp"

namespace bellpull::tools {

KeySet read_keys(const std::string& subject, std::string_view pairs, std::span<const Word> keys,
                 KeySet repeatable, const TakeValue& take) {
  KeySet seen = 0;
  for (bool last = false; !last;) {
    const auto comma = pairs.find(',');
    const std::string_view pair = pairs.substr(0, comma);
    const auto equals = pair.find('=');
    const std::string_view word = pair.substr(0, equals);
    const std::size_t key = choose(fmt::format("{}: key", subject), word, keys);
    if (equals == std::string_view::npos || equals + 1 == pair.size()) {
      throw UsageError(fmt::format("{}: key '{}' has no value: write {}=...", subject, word, word));
    }
    if ((seen & ~repeatable & key_bit(key)) != 0) {
      throw UsageError(fmt::format("{}: key '{}' is given twice: name it once", subject, word));
    }
    seen |= key_bit(key);
    take(key, fmt::format("{}: {}", subject, word), pair.substr(equals + 1));
    last = comma == std::string_view::npos;
    if (!last) pairs.remove_prefix(comma + 1);
  }
  return seen;
}

void check_name(const std::string& subject, std::string_view name) {
  if (name.size() >= IFNAMSIZ) {
    throw UsageError(fmt::format("{}: the interface name has {} bytes, at most {} fit: shorten it",
                                 subject, name.size(), IFNAMSIZ - 1));
  }
  const bool odd = std::any_of(name.begin(), name.end(), [](unsigned char c) {
    return c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '%';
  });
  if (odd || name == "." || name == "..") {
    throw UsageError(fmt::format(
        "{}: '{}' is no interface name: use letters and digits, such as bp0", subject, name));
  }
}

}  // namespace bellpull::tools
