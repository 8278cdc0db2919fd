// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "bellpull/engine/any_region.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/region.hpp"

namespace bellpull::engine::test {

struct CopyUnit {
  static constexpr const char* kName = "copy unit";
};
struct XorUnit {
  static constexpr const char* kName = "xor unit";
};

/// What a device of one domain does, at once. Its arguments are what a type can check.
template <class Tag>
struct Unit {
  static void copy(Destination<Tag> to, Source<Tag> from) {
    std::memcpy(to.segment().data, from.segment().data, from.segment().length);
  }
  static void add(Destination<Tag> to, Source<Tag> from) {
    const Segment out = to.segment(), in = from.segment();
    for (std::size_t i = 0; i < in.length; ++i) out.data[i] ^= in.data[i];
  }
};

/// The end of a transfer with this token.
[[nodiscard]] inline Completion ended(std::uint64_t token, Status status = Status::ok) {
  return {.token = token, .cookie = 1, .status = status};
}

/// Memory at an address that only the table looks at.
[[nodiscard]] inline std::span<std::byte> numbers(std::uintptr_t address, std::size_t length) {
  return {reinterpret_cast<std::byte*>(address), length};
}

}  // namespace bellpull::engine::test
