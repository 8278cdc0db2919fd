// SPDX-License-Identifier: BSD-2-Clause
#include "ring/foreign/vhost_user_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "ring/foreign/failure.hpp"
#include "ring/foreign/unix_socket.hpp"

namespace bellpull::ring::test::foreign {

namespace {

// A peer that began a message ends it at once.
constexpr int kMessageSeconds = 5;
constexpr std::uint64_t kRingPacked = std::uint64_t{1} << 34;
constexpr std::uint32_t kMaxSize = 32768;

std::vector<OwnedFd> files_in(msghdr& header) {
  std::vector<OwnedFd> files;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int file = -1;
      std::memcpy(&file, CMSG_DATA(part) + i * sizeof(int), sizeof file);
      files.emplace_back(file);
    }
  }
  return files;
}

}  // namespace

VhostUserServer::VhostUserServer(std::string path, std::uint64_t features, StopHook on_stop)
    : path_(std::move(path)),
      offered_(features | kProtocolFeatures),
      on_stop_(std::move(on_stop)),
      listener_(listen_on(path_)) {}

VhostUserServer::~VhostUserServer() {
  ::unlink(path_.c_str());
}

bool VhostUserServer::serve(std::chrono::milliseconds patience) {
  if (left_) return false;
  pollfd ready{.fd = file(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return false;
  if (peer_.get() < 0) {
    peer_ = accept_from(listener_, path_, kMessageSeconds);
    return true;
  }
  Message message;
  if (!receive(message)) {
    peer_is_gone();
    return true;
  }
  handle(message);
  return true;
}

void VhostUserServer::refuse(const Message& message, const std::string& why) const {
  throw std::runtime_error("vhost-user message " +
                           std::to_string(static_cast<std::uint32_t>(message.header.request)) +
                           " on '" + path_ + "' cannot be obeyed: " + why + "; look at the peer");
}

bool VhostUserServer::receive(Message& message) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxRegions * sizeof(int))> control{};
  iovec part{.iov_base = &message.header, .iov_len = sizeof message.header};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(peer_.get(), &header, MSG_WAITALL | MSG_CMSG_CLOEXEC);
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return false;
  if (got < 0) fail("recvmsg on '" + path_ + "'", "look at the peer");
  message.files = files_in(header);
  if (static_cast<std::size_t>(got) < sizeof message.header) refuse(message, "it is cut off");
  if ((header.msg_flags & MSG_CTRUNC) != 0) refuse(message, "it carries too many files");
  receive_payload(message);
  return true;
}

void VhostUserServer::receive_payload(Message& message) {
  if ((message.header.flags & kVersionMask) != kVersion) refuse(message, "it is not of version 1");
  if (message.header.bytes > message.payload.size()) refuse(message, "its payload is too long");
  if (message.header.bytes == 0) return;
  const ssize_t got =
      ::recv(peer_.get(), message.payload.data(), message.header.bytes, MSG_WAITALL);
  if (got != static_cast<ssize_t>(message.header.bytes)) refuse(message, "its payload is cut off");
}

template <typename Payload>
Payload VhostUserServer::read(const Message& message) const {
  if (message.header.bytes < sizeof(Payload)) refuse(message, "its payload is too short");
  Payload payload;
  std::memcpy(&payload, message.payload.data(), sizeof payload);
  return payload;
}

void VhostUserServer::reply(const Message& message, const void* payload, std::size_t bytes) const {
  const MessageHeader header{.request = message.header.request,
                             .flags = kVersion | kReply,
                             .bytes = static_cast<std::uint32_t>(bytes)};
  std::array<std::byte, sizeof header + sizeof(VringState)> packet{};
  std::memcpy(packet.data(), &header, sizeof header);
  std::memcpy(packet.data() + sizeof header, payload, bytes);
  const std::size_t all = sizeof header + bytes;
  // A peer that left meanwhile is noticed by the next serve().
  if (::send(peer_.get(), packet.data(), all, MSG_NOSIGNAL) != static_cast<ssize_t>(all) &&
      errno != EPIPE && errno != ECONNRESET) {
    fail("send on '" + path_ + "'", "look at the peer");
  }
}

void VhostUserServer::handle(Message& message) {
  const auto asks = [&message](Request request) { return message.header.request == request; };
  if (asks(Request::get_features) || asks(Request::get_protocol_features)) {
    const std::uint64_t answer = asks(Request::get_features) ? offered_ : kReplyAck;
    return reply(message, &answer, sizeof answer);
  }
  if (asks(Request::get_vring_base)) return stop_queue(message);
  if (asks(Request::set_features) || asks(Request::set_protocol_features)) {
    handle_features(message);
  } else if (asks(Request::set_mem_table)) {
    take_memory(message);
  } else if (asks(Request::set_vring_kick) || asks(Request::set_vring_call) ||
             asks(Request::set_vring_err)) {
    take_file(message);
  } else if (!asks(Request::set_owner) && !asks(Request::reset_owner)) {
    handle_vring(message);
  }
  if ((protocol_ & kReplyAck) != 0 && (message.header.flags & kNeedReply) != 0) {
    const std::uint64_t done = 0;
    reply(message, &done, sizeof done);
  }
}

void VhostUserServer::handle_features(const Message& message) {
  const auto wanted = read<std::uint64_t>(message);
  const bool own = message.header.request == Request::set_protocol_features;
  if ((wanted & ~(own ? kReplyAck : offered_)) != 0) refuse(message, "it was not offered all that");
  (own ? protocol_ : accepted_) = wanted;
}

ServedQueue& VhostUserServer::queue_of(const Message& message, std::uint64_t index) {
  if (index >= kQueues) refuse(message, "there is no queue " + std::to_string(index));
  ServedQueue& queue = queues_[index];
  ++queue.generation;
  return queue;
}

void VhostUserServer::handle_vring(Message& message) {
  if (message.header.request == Request::set_vring_addr) {
    const auto address = read<VringAddress>(message);
    ServedQueue& queue = queue_of(message, address.index);
    queue.address = address;
    locate(queue);
    if (memory_ != nullptr && queue.descriptors == nullptr) {
      refuse(message, "a part of the ring is outside the shared memory");
    }
    return;
  }
  const auto state = read<VringState>(message);
  ServedQueue& queue = queue_of(message, state.index);
  switch (message.header.request) {
    case Request::set_vring_num:
      if (state.value == 0 || state.value > kMaxSize) refuse(message, "a queue has 1 to 32768");
      queue.size = state.value;
      break;
    case Request::set_vring_base:
      queue.base = state.value;
      break;
    case Request::set_vring_enable:
      queue.enabled = state.value != 0;
      break;
    default:
      refuse(message, "this server does not know it");
  }
}

void VhostUserServer::take_memory(const Message& message) {
  const auto count = read<std::uint32_t>(message);
  if (count > kMaxRegions) refuse(message, "it names too many regions");
  if (message.header.bytes < offsetof(MemoryTable, regions) + count * sizeof(MemoryRegion)) {
    refuse(message, "its payload is too short");
  }
  MemoryTable table{};
  std::memcpy(&table, message.payload.data(), message.header.bytes);
  memory_ = std::make_shared<PeerMemory>(std::span(table.regions, count), message.files);
  for (ServedQueue& queue : queues_) {
    ++queue.generation;
    locate(queue);
  }
}

// The parts' lengths are those of virtio 1.4 sections 2.7 and 2.8, with the event words that are
// there whether or not they are used.
void VhostUserServer::locate(ServedQueue& queue) const {
  queue.descriptors = queue.driver_area = queue.device_area = nullptr;
  if (memory_ == nullptr || queue.size == 0) return;
  const bool packed = (accepted_ & kRingPacked) != 0;
  const VringAddress& at = queue.address;
  std::byte* const descriptors = memory_->at_user(at.descriptors, std::uint64_t{16} * queue.size);
  std::byte* const driver =
      memory_->at_user(at.driver_area, packed ? 4 : 6 + std::uint64_t{2} * queue.size);
  std::byte* const device =
      memory_->at_user(at.device_area, packed ? 4 : 6 + std::uint64_t{8} * queue.size);
  if (descriptors == nullptr || driver == nullptr || device == nullptr) return;
  queue.descriptors = descriptors;
  queue.driver_area = driver;
  queue.device_area = device;
}

void VhostUserServer::take_file(Message& message) {
  const auto word = read<std::uint64_t>(message);
  const bool none = (word & kVringNoFd) != 0;
  if (message.files.size() != (none ? 0 : 1)) refuse(message, "it has the wrong number of files");
  ServedQueue& queue = queue_of(message, word & kVringIndexMask);
  OwnedFd file = none ? OwnedFd() : std::move(message.files.front());
  if (message.header.request == Request::set_vring_call) {
    queue.call = std::move(file);
  } else if (message.header.request == Request::set_vring_kick) {
    queue.kick = std::move(file);
    queue.started = true;
    // Without the protocol's own features there is no message to enable a queue.
    if ((accepted_ & kProtocolFeatures) == 0) queue.enabled = true;
  }
}

void VhostUserServer::stop_queue(const Message& message) {
  const auto state = read<VringState>(message);
  ServedQueue& queue = queue_of(message, state.index);
  if (queue.started) queue.base = on_stop_(state.index);
  queue.started = false;
  const VringState answer{.index = state.index, .value = queue.base};
  reply(message, &answer, sizeof answer);
}

void VhostUserServer::peer_is_gone() {
  left_ = true;
  for (ServedQueue& queue : queues_) {
    ++queue.generation;
    queue.started = false;
  }
}

}  // namespace bellpull::ring::test::foreign
