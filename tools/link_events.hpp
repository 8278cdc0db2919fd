// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::tools {

/// Hears of every change to an interface (RTMGRP_LINK) of the network namespace that the thread was
/// in when it was made. It says that something has changed, never what: events can be lost
/// (ENOBUFS), and who asks the kernel afterwards knows it anyway.
class LinkEvents {
 public:
  /// Throws std::system_error.
  LinkEvents();

  /// Readable when there was a change. Owned by the object.
  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

  /// Forgets the changes so far. Never blocks.
  void forget() noexcept;

 private:
  netdrv::UniqueFd socket_;
};

}  // namespace bellpull::tools
