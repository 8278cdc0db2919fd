// SPDX-License-Identifier: BSD-2-Clause
// A header that compiles proves little about its templates: this compiles all of their members,
// with the flags that the ring component promises (no exceptions, no run-time type information).
#include <span>

#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::ring {

template class SplitDriver<NativeAccess>;
template class SplitDevice<NativeAccess>;

namespace {

[[maybe_unused]] unsigned use_member_templates(SplitDriver<>& driver, SplitDevice<>& device) {
  const Chain chain = device.take(1, [](const Segment&, bool) {});
  return chain.segments + driver.poll(1, [](const Used&) {});
}

}  // namespace
}  // namespace bellpull::ring
