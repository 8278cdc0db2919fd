// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/tap_link.hpp"

#include "bellpull/engine/uring_backend.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

namespace {

std::unique_ptr<engine::Backend> make_backend(int fd, engine::Direction direction, Io io,
                                              engine::FdCounters& counters) {
  engine::FdOptions options;
  options.fd = fd;
  options.direction = direction;
  options.max_length = kVnetHeader + kHeadData + kTailData;
  return io == Io::uring ? engine::make_uring_backend(options, counters)
                         : engine::make_fd_backend(options, counters);
}

}  // namespace

std::unique_ptr<engine::Backend> TapLink::make_receiver() {
  return make_backend(device_.fd(), engine::Direction::device_to_memory, options_.io, reads_);
}

std::unique_ptr<engine::Backend> TapLink::make_sender() {
  return make_backend(device_.fd(), engine::Direction::memory_to_device, options_.io, writes_);
}

}  // namespace bellpull::netdrv
