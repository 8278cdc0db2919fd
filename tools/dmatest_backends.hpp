// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "bellpull/engine/backend.hpp"

namespace bellpull::tools::dmatest {

/// A back-end that can be asked for by name.
struct BackendKind {
  std::string_view name;  ///< --backend
  /// Makes one, for one channel. Throws what its factory throws.
  std::unique_ptr<engine::Backend> (*make)();
};

/// All there are, the default first. Another one is one more line in dmatest_backends.cpp.
[[nodiscard]] std::span<const BackendKind> backends() noexcept;

/// The one of that name. Throws UsageError for a name that is none, with those that are.
[[nodiscard]] const BackendKind& choose_backend(std::string_view typed);

/// Makes one of that kind.
[[nodiscard]] std::unique_ptr<engine::Backend> make_backend(const BackendKind& kind);

}  // namespace bellpull::tools::dmatest
