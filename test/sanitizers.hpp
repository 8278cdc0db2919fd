// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "emulated.hpp"

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

/// A tenth of the rounds where each costs ten times as much, and fewer still in an emulation, where
/// threads that wait for each other cost most.
[[nodiscard]] inline std::uint64_t scaled(std::uint64_t rounds) {
  static const std::uint64_t divisor = emulated() ? 50 : BELLPULL_TEST_SANITIZED != 0 ? 10 : 1;
  return rounds / divisor;
}

}  // namespace bellpull::engine::test
