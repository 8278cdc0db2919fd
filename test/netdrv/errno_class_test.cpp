// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/errno_class.hpp"

#include <doctest/doctest.h>

#include <cerrno>

using namespace bellpull::netdrv;

TEST_CASE("F1: a write to an interface that is down costs the frame, not the port") {
  const ErrnoVerdict verdict = classify_write(EIO);
  CHECK(verdict.reach == ErrnoClass::frame);
  CHECK(verdict.reason == DropReason::link_down);
}

TEST_CASE("F2: an interface that was deleted is the port's end, in both directions") {
  CHECK(classify_read(EBADFD).reach == ErrnoClass::port);
  CHECK(classify_write(EBADFD).reach == ErrnoClass::port);
  CHECK(classify_write(EBADFD).reason == DropReason::port_gone);
}

TEST_CASE("F3: EFAULT from a read means that the interface went away under the reader") {
  CHECK(classify_read(EFAULT).reach == ErrnoClass::port);
  CHECK(classify_write(EFAULT).reach == ErrnoClass::frame);
}

TEST_CASE("F8: no memory costs the frame and is counted as such") {
  CHECK(classify_write(ENOBUFS).reason == DropReason::no_memory);
  CHECK(classify_write(ENOMEM).reason == DropReason::no_memory);
  CHECK(classify_write(ENOMEM).reach == ErrnoClass::frame);
}

TEST_CASE("F9, F10: EINVAL costs the frame that was being written or read") {
  CHECK(classify_write(EINVAL).reason == DropReason::refused);
  CHECK(classify_read(EINVAL).reach == ErrnoClass::frame);
}

TEST_CASE("F38: every errno value has a verdict; unknown ones cannot make a reader spin") {
  for (int error = 1; error < 200; ++error) {
    const ErrnoVerdict read = classify_read(error);
    const ErrnoVerdict write = classify_write(error);
    const bool again = error == EAGAIN || error == EINTR;
    CHECK((read.reach == ErrnoClass::transient) == again);
    CHECK((write.reach == ErrnoClass::transient) == again);
  }
  CHECK(classify_read(ENOTTY).reach == ErrnoClass::port);
  CHECK(classify_write(ENOTTY).reach == ErrnoClass::frame);
}
