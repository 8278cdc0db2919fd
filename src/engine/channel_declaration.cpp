// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/channel_declaration.hpp"

#include <bit>
#include <stdexcept>
#include <utility>

#include "declaration_check.hpp"

namespace bellpull::engine {

namespace {

[[noreturn]] void refuse(const std::string& tried, const std::string& why) {
  throw std::invalid_argument(tried + ": " + why);
}

// What is wrong with it and what to do, or null.
[[nodiscard]] const char* fault_of(const Capabilities& can) noexcept {
  const OperationSet operations = can.operations;
  const bool stream =
      operations == OperationSet{Operation::read} || operations == OperationSet{Operation::write};
  if (operations.empty()) return "it declares no operation; name those that it can do";
  if (!stream && !kMemoryOperations.contains(operations)) {
    return "it declares operations of both kinds, or both ways; a stream reads or writes, and "
           "operations on memory are for another channel";
  }
  if (can.max_segments == 0 || can.max_segments > kMaxSegments) {
    return "it declares lists of no segment, or of more than 64; say how many it can take";
  }
  if (!std::has_single_bit(can.alignment)) {
    return "its alignment is no power of two; 1 is none";
  }
  if (can.max_length < can.alignment) {
    return "its longest transfer is shorter than its alignment; say how long one may be";
  }
  if (stream && (can.configurable || can.external_control)) {
    return "it declares settings, which a stream has not; leave them out";
  }
  return nullptr;
}

[[nodiscard]] bool covers(const Capabilities& can, const Capabilities& wanted) noexcept {
  return can.operations.contains(wanted.operations) && can.max_segments >= wanted.max_segments &&
         can.max_length >= wanted.max_length && wanted.alignment % can.alignment == 0 &&
         can.residue >= wanted.residue && can.configurable >= wanted.configurable &&
         can.external_control >= wanted.external_control;
}

// Admits less than it can do.
class DeclaredBackend final : public Backend {
 public:
  DeclaredBackend(const Capabilities& declared, std::unique_ptr<Backend> inner)
      : declared_(declared), inner_(std::move(inner)) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override { return declared_; }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return inner_->wait_source(); }
  [[nodiscard]] unsigned window() const noexcept override { return inner_->window(); }
  unsigned start(std::span<const Op> ops) noexcept override { return inner_->start(ops); }
  Reaped reap(std::span<Done> done) noexcept override { return inner_->reap(done); }
  void woken(std::uint32_t events) noexcept override { inner_->woken(events); }
  [[nodiscard]] bool quiet() noexcept override { return inner_->quiet(); }
  bool cancel(std::uint64_t id) noexcept override { return inner_->cancel(id); }
  void stop() noexcept override { inner_->stop(); }
  [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
    return declared_.residue == Granularity::descriptor ? 0 : inner_->progress(id);
  }
  void pause() noexcept override { inner_->pause(); }
  void resume() noexcept override { inner_->resume(); }

 private:
  const Capabilities declared_;
  const std::unique_ptr<Backend> inner_;
};

}  // namespace

const Capabilities& declared(const DeviceDeclaration& device,
                             const ChannelDeclaration& channel) noexcept {
  return channel.capabilities ? *channel.capabilities : device.capabilities;
}

void check_declaration(const DeviceDeclaration& device) {
  const std::string tried = "declare device '" + device.name + "'";
  if (device.name.empty()) refuse(tried, "it has no name; give it one");
  if (device.engine == nullptr) refuse(tried, "no engine runs it; name one");
  if (device.channels.empty()) refuse(tried, "it has no channel; declare at least one");
  for (const ChannelDeclaration& channel : device.channels) {
    const std::string which = tried + ", channel '" + channel.name + "'";
    if (channel.name.empty()) refuse(which, "it has no name; give it one");
    if (!channel.make) refuse(which, "nothing makes its back-end; set `make`");
    if (const char* const fault = fault_of(declared(device, channel))) refuse(which, fault);
  }
}

std::unique_ptr<Backend> hold_to(const ChannelOffer& offer, std::unique_ptr<Backend> backend) {
  const std::string tried = "open channel '" + offer.name + "' of device '" + offer.device + "'";
  if (backend == nullptr) refuse(tried, "its maker returned no back-end; return one, or throw");
  const Capabilities can = backend->capabilities();
  if (!covers(can, offer.capabilities)) {
    refuse(tried, "it declares more than its back-end can do; declare what the back-end does");
  }
  if (covers(offer.capabilities, can)) return backend;
  return std::make_unique<DeclaredBackend>(offer.capabilities, std::move(backend));
}

}  // namespace bellpull::engine
