// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/errno_class.hpp"

#include <array>
#include <cerrno>

namespace bellpull::netdrv {

namespace {

struct Row {
  int error;
  ErrnoClass read;
  ErrnoClass write;
  DropReason reason;
};

using enum ErrnoClass;

constexpr std::array kTable = {
    // Handled where the call is made; here for completeness.
    Row{EAGAIN, transient, transient, DropReason::write_error},
    Row{EINTR, transient, transient, DropReason::write_error},
    // Read: a GSO type that the kernel could not express; it freed the frame. Write: a header or a
    // frame it does not believe.
    Row{EINVAL, frame, frame, DropReason::refused},
    Row{EMSGSIZE, frame, frame, DropReason::refused},
    Row{E2BIG, frame, frame, DropReason::refused},
    // Write: the interface is not up. It will be again.
    Row{EIO, frame, frame, DropReason::link_down},
    Row{ENETDOWN, frame, frame, DropReason::link_down},
    Row{ENOBUFS, frame, frame, DropReason::no_memory},
    Row{ENOMEM, frame, frame, DropReason::no_memory},
    // The interface was deleted, or the descriptor was never attached to one. EFAULT is what a
    // reader gets that was inside the call when it happened.
    Row{EBADFD, port, port, DropReason::port_gone},
    Row{EBADF, port, port, DropReason::port_gone},
    Row{EFAULT, port, frame, DropReason::write_error},
    Row{ENODEV, port, port, DropReason::port_gone},
    Row{ENXIO, port, port, DropReason::port_gone},
    // Sockets that stand in for a TAP.
    Row{EPIPE, port, port, DropReason::port_gone},
    Row{ENOTCONN, port, port, DropReason::port_gone},
    Row{ECONNRESET, port, port, DropReason::port_gone},
    Row{ECONNREFUSED, port, port, DropReason::port_gone},
};

const Row* find(int error) noexcept {
  for (const Row& row : kTable) {
    if (row.error == error) return &row;
  }
  return nullptr;
}

}  // namespace

ErrnoVerdict classify_read(int error) noexcept {
  const Row* const row = find(error);
  return row == nullptr ? ErrnoVerdict{port, DropReason::port_gone}
                        : ErrnoVerdict{row->read, row->reason};
}

ErrnoVerdict classify_write(int error) noexcept {
  const Row* const row = find(error);
  return row == nullptr ? ErrnoVerdict{frame, DropReason::write_error}
                        : ErrnoVerdict{row->write, row->reason};
}

}  // namespace bellpull::netdrv
