// SPDX-License-Identifier: BSD-2-Clause
#include "capabilities.hpp"

#include <cap-ng.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <vector>

namespace bellpull::tools {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void look() {
  if (::capng_get_caps_process() < 0) {
    fail("capget (does a seccomp filter forbid it? then run with --privileges keep)");
  }
}

void apply(capng_select_t sets) {
  if (::capng_apply(sets) < 0) {
    fail("capset (does a seccomp filter forbid it? then run with --privileges keep)");
  }
}

bool has(unsigned capability) {
  return ::capng_have_capability(CAPNG_EFFECTIVE, capability) != 0;
}

// Those by which files of others are as good as one's own.
constexpr std::array kOverFiles = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH};

}  // namespace

void give_up_capabilities(std::span<const unsigned> kept) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) < 0) {
    fail("prctl PR_SET_NO_NEW_PRIVS (needs Linux 3.5; or run with --privileges keep)");
  }
  look();
  std::vector<unsigned> those;
  std::copy_if(kept.begin(), kept.end(), std::back_inserter(those), has);
  // Without it the bounding set cannot be changed; then it only bounds what an executable could
  // give, and no_new_privs lets it give nothing.
  const bool bounds = has(CAP_SETPCAP);
  ::capng_clear(CAPNG_SELECT_ALL);
  for (const unsigned capability : those) {
    ::capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                   capability);
  }
  if (bounds) apply(CAPNG_SELECT_BOUNDS);
  apply(CAPNG_SELECT_AMBIENT);
  apply(CAPNG_SELECT_CAPS);
}

bool has_capability(unsigned capability) noexcept {
  return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, capability) != 0;
}

bool may_remove_in(const std::string& directory) {
  look();
  std::vector<unsigned> lowered;
  std::copy_if(kOverFiles.begin(), kOverFiles.end(), std::back_inserter(lowered), has);
  for (const unsigned capability : lowered) {
    ::capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, capability);
  }
  apply(CAPNG_SELECT_CAPS);
  const bool may = ::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
  for (const unsigned capability : lowered) ::capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, capability);
  apply(CAPNG_SELECT_CAPS);
  return may;
}

}  // namespace bellpull::tools
