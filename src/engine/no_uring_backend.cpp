// SPDX-License-Identifier: BSD-2-Clause
// What takes the place of uring_backend.cpp in a build without liburing.
#include <cerrno>
#include <string>
#include <system_error>

#include "bellpull/engine/uring_backend.hpp"

namespace bellpull::engine {

namespace {

constexpr const char* kReason = "io_uring: bellpull was built without liburing";
constexpr const char* kRemedy = "install liburing-dev and build it again, or do without";

}  // namespace

std::unique_ptr<Backend> make_uring_backend(const FdOptions& /*options*/,
                                            FdCounters& /*counters*/) {
  throw std::system_error(ENOSYS, std::generic_category(), std::string(kReason) + "; " + kRemedy);
}

UringRefusal uring_refusal() {
  return {kReason, kRemedy};
}

}  // namespace bellpull::engine
