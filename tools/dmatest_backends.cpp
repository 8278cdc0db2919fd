// SPDX-License-Identifier: BSD-2-Clause
#include "dmatest_backends.hpp"

#include <array>
#include <vector>

#include "bellpull/engine/copy_backend.hpp"
#include "choice.hpp"

namespace bellpull::tools::dmatest {

namespace {

constexpr std::array kBackends = {
    BackendKind{"copy", [] { return engine::make_copy_backend(); }},
};

}  // namespace

std::span<const BackendKind> backends() noexcept {
  return kBackends;
}

const BackendKind& choose_backend(std::string_view typed) {
  std::vector<Word> words;
  words.reserve(kBackends.size());
  for (const BackendKind& kind : kBackends) words.push_back({kind.name});
  return kBackends[choose("--backend", typed, words)];
}

std::unique_ptr<engine::Backend> make_backend(const BackendKind& kind) {
  return kind.make();
}

}  // namespace bellpull::tools::dmatest
