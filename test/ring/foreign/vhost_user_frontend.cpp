// SPDX-License-Identifier: BSD-2-Clause
#include "ring/foreign/vhost_user_frontend.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "ring/foreign/failure.hpp"
#include "ring/foreign/unix_socket.hpp"

namespace bellpull::ring::test::foreign {

namespace {

// The device answers at once, but on a machine that may be busy.
constexpr int kAnswerSeconds = 30;

OwnedFd new_doorbell() {
  OwnedFd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (bell.get() < 0) fail("eventfd", "raise ulimit -n");
  return bell;
}

std::uint64_t number_of(const void* byte) {
  return reinterpret_cast<std::uintptr_t>(byte);
}

}  // namespace

SharedMemory::SharedMemory(std::size_t bytes)
    : bytes_(bytes), file_(::memfd_create("bellpull-test", MFD_CLOEXEC)), data_(nullptr) {
  if (file_.get() < 0) fail("memfd_create", "the kernel needs memory files");
  if (::ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0) {
    fail("ftruncate of " + std::to_string(bytes) + " bytes", "free some memory");
  }
  void* const start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  if (start == MAP_FAILED) fail("mmap of " + std::to_string(bytes) + " bytes", "free some memory");
  data_ = static_cast<std::byte*>(start);
}

SharedMemory::~SharedMemory() {
  ::munmap(data_, bytes_);
}

VhostUserFrontend::VhostUserFrontend(std::string path, std::size_t memory_bytes)
    : path_(std::move(path)), memory_(memory_bytes), listener_(listen_on(path_)) {
  for (unsigned i = 0; i < kQueues; ++i) {
    kicks_[i] = new_doorbell();
    calls_[i] = new_doorbell();
  }
}

VhostUserFrontend::~VhostUserFrontend() {
  ::unlink(path_.c_str());
}

bool VhostUserFrontend::connect(std::uint64_t features, std::chrono::milliseconds patience) {
  pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return false;
  socket_ = accept_from(listener_, path_, kAnswerSeconds);
  agree(features | kProtocolFeatures);
  share_memory();
  return true;
}

std::uint64_t VhostUserFrontend::address(const void* byte) const {
  return kGuestAddress + (number_of(byte) - number_of(memory_.span().data()));
}

void VhostUserFrontend::agree(std::uint64_t features) {
  send(Request::get_features, nullptr, 0);
  const std::uint64_t offered = receive(Request::get_features).payload;
  if ((features & ~offered) != 0) {
    throw std::runtime_error("the device on '" + path_ + "' does not offer the features " +
                             std::to_string(features & ~offered) + "; ask for less");
  }
  send(Request::get_protocol_features, nullptr, 0);
  if ((receive(Request::get_protocol_features).payload & kReplyAck) == 0) {
    throw std::runtime_error("the device on '" + path_ + "' acknowledges nothing; use another");
  }
  send(Request::set_protocol_features, &kReplyAck, sizeof kReplyAck);
  order(Request::set_owner, nullptr, 0);
  order(Request::set_features, &features, sizeof features);
}

void VhostUserFrontend::share_memory() {
  MemoryTable table{};
  table.count = 1;
  table.regions[0] = {.guest_address = kGuestAddress,
                      .size = memory_.span().size(),
                      .user_address = number_of(memory_.span().data()),
                      .mmap_offset = 0};
  order(Request::set_mem_table, &table, offsetof(MemoryTable, regions) + sizeof(MemoryRegion),
        memory_.file());
}

void VhostUserFrontend::start_queue(unsigned queue, std::uint32_t size, std::uint32_t base,
                                    const void* descriptors, const void* driver_area,
                                    const void* device_area) {
  const auto state = [&](Request request, std::uint32_t value) {
    const VringState payload{.index = queue, .value = value};
    order(request, &payload, sizeof payload);
  };
  state(Request::set_vring_num, size);
  state(Request::set_vring_base, base);
  const VringAddress address{.index = queue,
                             .flags = 0,
                             .descriptors = number_of(descriptors),
                             .device_area = number_of(device_area),
                             .driver_area = number_of(driver_area),
                             .log = 0};
  order(Request::set_vring_addr, &address, sizeof address);
  const std::uint64_t word = queue;
  order(Request::set_vring_call, &word, sizeof word, calls_.at(queue).get());
  order(Request::set_vring_kick, &word, sizeof word, kicks_.at(queue).get());
  state(Request::set_vring_enable, 1);
}

std::uint32_t VhostUserFrontend::stop_queue(unsigned queue) {
  const VringState state{.index = queue, .value = 0};
  send(Request::get_vring_base, &state, sizeof state);
  VringState answer;
  const std::uint64_t payload = receive(Request::get_vring_base).payload;
  std::memcpy(&answer, &payload, sizeof answer);
  return answer.value;
}

void VhostUserFrontend::kick(unsigned queue) {
  const std::uint64_t one = 1;
  if (::write(kicks_.at(queue).get(), &one, sizeof one) != sizeof one && errno != EAGAIN) {
    fail("write to a doorbell", "look at the kernel");
  }
}

bool VhostUserFrontend::wait(unsigned queue, std::chrono::milliseconds patience) {
  pollfd bell{.fd = calls_.at(queue).get(), .events = POLLIN, .revents = 0};
  if (::poll(&bell, 1, static_cast<int>(patience.count())) <= 0) return false;
  std::uint64_t times = 0;
  return ::read(bell.fd, &times, sizeof times) == sizeof times;
}

void VhostUserFrontend::send(Request request, const void* payload, std::size_t bytes, int file,
                             std::uint32_t flags) {
  const MessageHeader header{
      .request = request, .flags = kVersion | flags, .bytes = static_cast<std::uint32_t>(bytes)};
  std::vector<std::byte> message(sizeof header + bytes);
  std::memcpy(message.data(), &header, sizeof header);
  if (bytes != 0) std::memcpy(message.data() + sizeof header, payload, bytes);
  iovec part{.iov_base = message.data(), .iov_len = message.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr envelope{};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  if (file >= 0) {
    envelope.msg_control = control.data();
    envelope.msg_controllen = control.size();
    cmsghdr* const files = CMSG_FIRSTHDR(&envelope);
    files->cmsg_level = SOL_SOCKET;
    files->cmsg_type = SCM_RIGHTS;
    files->cmsg_len = CMSG_LEN(sizeof file);
    std::memcpy(CMSG_DATA(files), &file, sizeof file);
  }
  if (::sendmsg(socket_.get(), &envelope, MSG_NOSIGNAL) != static_cast<ssize_t>(message.size())) {
    fail("sendmsg to '" + path_ + "'", "look at the device");
  }
}

void VhostUserFrontend::order(Request request, const void* payload, std::size_t bytes, int file) {
  send(request, payload, bytes, file, kNeedReply);
  if (receive(request).payload == 0) return;
  throw std::runtime_error("the device on '" + path_ + "' refuses message " +
                           std::to_string(static_cast<std::uint32_t>(request)) +
                           "; look at what it printed");
}

VhostUserFrontend::Reply VhostUserFrontend::receive(Request request) {
  Reply reply;
  const auto read = [this](void* to, std::size_t bytes) {
    if (::recv(socket_.get(), to, bytes, MSG_WAITALL) != static_cast<ssize_t>(bytes)) {
      fail("recv from '" + path_ + "'", "look at the device");
    }
  };
  read(&reply.header, sizeof reply.header);
  if (reply.header.request != request || reply.header.bytes != sizeof reply.payload ||
      (reply.header.flags & (kVersionMask | kReply)) != (kVersion | kReply)) {
    throw std::runtime_error("the device on '" + path_ + "' answered message " +
                             std::to_string(static_cast<std::uint32_t>(request)) +
                             " with something else; look at the device");
  }
  read(&reply.payload, sizeof reply.payload);
  return reply;
}

}  // namespace bellpull::ring::test::foreign
