// SPDX-License-Identifier: BSD-2-Clause
#include "seccomp_filter.hpp"

#include <seccomp.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "refused_call.hpp"
#include "seccomp_list.hpp"

namespace bellpull::tools {

namespace {

struct Release {
  void operator()(void* filter) const noexcept { ::seccomp_release(filter); }
};

[[noreturn]] void fail(int error) {
  throw std::system_error(error, std::generic_category(),
                          "seccomp filter (needs Linux 4.17 with CONFIG_SECCOMP_FILTER, and a "
                          "container that allows it: else run with --seccomp off)");
}

void require(int negative_error) {
  if (negative_error < 0) fail(-negative_error);
}

}  // namespace

void allow_only_listed_calls(FilteredIo io) {
  const std::unique_ptr<void, Release> filter(::seccomp_init(SCMP_ACT_TRAP));
  if (!filter) fail(ENOMEM);
  require(::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 1));
  require(::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1));
  // Kernels before 5.16 would slow all code down, against code that spies on its own process.
  require(::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_SSB, 1));
  // A binary search, for kernels before 5.11 that run the filter for calls allowed in any case.
  require(::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  require(add_listed_calls(filter.get(), io));
  explain_refused_calls();
  require(::seccomp_load(filter.get()));
}

}  // namespace bellpull::tools
