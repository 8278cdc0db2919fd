// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/ring/c/doorbell.h"

#include <cerrno>
#include <utility>

#include "bellpull/ring/doorbell.hpp"
#include "opaque.hpp"

namespace bellpull::ring::c {
namespace {

// Puts a bell in the place of the one that the handle had, if `status` says that it is one.
int put(bp_doorbell* handle, const SetupStatus& status, Doorbell& bell) noexcept {
  if (!status) {
    errno = status.number;
    return number(status.error);
  }
  Opaque<Doorbell, bp_doorbell> opaque(handle);
  opaque.destroy();
  opaque.make() = std::move(bell);
  return BP_OK;
}

}  // namespace
}  // namespace bellpull::ring::c

using bellpull::ring::Doorbell;
using bellpull::ring::c::in;

int bp_doorbell_make(bp_doorbell* bell) {
  Doorbell made;
  return bellpull::ring::c::put(bell, made.make(), made);
}

int bp_doorbell_adopt(bp_doorbell* bell, int eventfd) {
  Doorbell adopted;
  return bellpull::ring::c::put(bell, adopted.adopt(eventfd), adopted);
}

void bp_doorbell_close(bp_doorbell* bell) {
  bellpull::ring::c::Opaque<Doorbell, bp_doorbell>(bell).destroy();
}

int bp_doorbell_fd(const bp_doorbell* bell) {
  const auto* const made = in<Doorbell>(bell);
  return made == nullptr ? -1 : made->fd();
}

int bp_doorbell_ring(bp_doorbell* bell) {
  auto* const made = in<Doorbell>(bell);
  return made != nullptr && made->ring() ? 1 : 0;
}

int bp_doorbell_hear(bp_doorbell* bell) {
  auto* const made = in<Doorbell>(bell);
  return made != nullptr && made->hear() ? 1 : 0;
}
