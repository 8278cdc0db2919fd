// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "emulated.hpp"

// g++ defines a macro, clang has a question to ask.
#if defined(__SANITIZE_THREAD__)
#define BELLPULL_TEST_SLOWDOWN 40
#elif defined(__SANITIZE_ADDRESS__)
#define BELLPULL_TEST_SLOWDOWN 10
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BELLPULL_TEST_SLOWDOWN 40
#elif __has_feature(address_sanitizer)
#define BELLPULL_TEST_SLOWDOWN 10
#endif
#endif
#ifndef BELLPULL_TEST_SLOWDOWN
#define BELLPULL_TEST_SLOWDOWN 1
#endif
#define BELLPULL_TEST_SANITIZED (BELLPULL_TEST_SLOWDOWN != 1)

namespace bellpull::engine::test {

/// A tenth of the rounds where each costs ten times as much, and fewer still under ThreadSanitizer
/// and in an emulation, where threads that wait for each other cost most.
[[nodiscard]] inline std::uint64_t scaled(std::uint64_t rounds) {
  static const std::uint64_t divisor = emulated() ? 50 : BELLPULL_TEST_SLOWDOWN;
  return rounds / divisor;
}

}  // namespace bellpull::engine::test
