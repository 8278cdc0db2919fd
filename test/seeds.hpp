// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace bellpull::ring::test {

/// The seed of a random run, printed: BELLPULL_SEED from the environment, or else `usual`, so that
/// a run is the same on every machine until somebody wants another one.
inline std::uint64_t announce_seed(const char* run, std::uint64_t usual) {
  const char* const wish = std::getenv("BELLPULL_SEED");
  const std::uint64_t seed = wish != nullptr ? std::strtoull(wish, nullptr, 0) : usual;
  std::printf("%s: seed %llu (set BELLPULL_SEED for another)\n", run,
              static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace bellpull::ring::test
