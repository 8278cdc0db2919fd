// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "bellpull/engine/conformance.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {

/// Options with the seed of the environment; fewer and shorter transfers under a sanitizer.
inline conformance::Options some_rounds(unsigned rounds, std::uint32_t max_length) {
  static const std::uint64_t seed = ring::test::announce_seed("conformance", 1);
  const bool slow = BELLPULL_TEST_SANITIZED != 0;
  return {.seed = seed,
          .max_length = slow ? std::min(max_length, 1u << 15) : max_length,
          .rounds = slow ? std::max(rounds / 4, 1u) : rounds,
          .patience = 2000};
}

/// What it takes to find a mutant, in any build.
inline conformance::Options few_rounds() {
  conformance::Options options = some_rounds(6, 1u << 14);
  options.rounds = 6;
  return options;
}

template <class Made>
conformance::Subject subject_of() {
  return {.make = [] { return std::make_unique<Made>(); }};
}

/// This check fails, and says something that tells how to see it again.
inline void must_fail(const conformance::Subject& subject, const std::string& check,
                      const conformance::Options& options = few_rounds()) {
  const conformance::Report report = conformance::run(subject, options);
  const conformance::Check* const found = report.find(check);
  REQUIRE(found != nullptr);
  CHECK_MESSAGE(found->verdict == conformance::Verdict::failed, check, "\n", report.text());
  CHECK_FALSE(report.passed());
  CHECK_FALSE(found->message.empty());
}

template <class Mutant>
void must_fail(const std::string& check) {
  must_fail(subject_of<Mutant>(), check);
}

}  // namespace bellpull::engine::test
