// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

// g++ defines a macro, clang has a question to ask.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BELLPULL_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BELLPULL_TEST_SANITIZED 1
#endif
#endif
#ifndef BELLPULL_TEST_SANITIZED
#define BELLPULL_TEST_SANITIZED 0
#endif

namespace bellpull::engine::test {

/// A tenth of the rounds where each costs ten times as much.
[[nodiscard]] constexpr std::uint64_t scaled(std::uint64_t rounds) {
  return BELLPULL_TEST_SANITIZED ? rounds / 10 : rounds;
}

}  // namespace bellpull::engine::test
