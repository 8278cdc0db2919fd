// SPDX-License-Identifier: BSD-2-Clause
#include "unix_address.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace bellpull::tools {

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr std::size_t kMost = sizeof address.sun_path - 1;
  if (path.size() > kMost) {
    throw std::system_error(
        ENAMETOOLONG, std::generic_category(),
        fmt::format("control socket {} ({} bytes and {} are the most: choose a shorter path)", path,
                    path.size(), kMost));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

}  // namespace bellpull::tools
