// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/unique_fd.hpp"

#include <unistd.h>

namespace bellpull::netdrv {

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace bellpull::netdrv
