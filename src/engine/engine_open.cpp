// SPDX-License-Identifier: BSD-2-Clause
// Channels are opened over back-ends that declare what can be.
#include <bit>
#include <stdexcept>
#include <string>

#include "engine_core.hpp"
#include "operation_device.hpp"
#include "stream_device.hpp"

namespace bellpull::engine {

namespace {

// Throws when there is no back-end or it declares what cannot be; returns its operations.
OperationSet check_backend(const std::string& tried, const Backend* backend) {
  if (backend == nullptr) {
    throw std::invalid_argument(tried + ": there is no back-end; make one first");
  }
  const Capabilities limits = backend->capabilities();
  if (limits.max_segments == 0 || limits.max_segments > kMaxSegments) {
    throw std::invalid_argument(tried + ": the back-end declares " +
                                std::to_string(limits.max_segments) + " segments; 1 to " +
                                std::to_string(kMaxSegments) + " are possible");
  }
  if (!std::has_single_bit(limits.alignment) || limits.max_length < limits.alignment) {
    throw std::invalid_argument(tried + ": the back-end declares an alignment of " +
                                std::to_string(limits.alignment) + " and transfers of at most " +
                                std::to_string(limits.max_length) +
                                " bytes; the alignment must be a power of two, and not more");
  }
  if (limits.address_mask == 0 || (limits.address_mask & (limits.address_mask + 1)) != 0) {
    throw std::invalid_argument(tried + ": the back-end declares an address mask of " +
                                std::to_string(limits.address_mask) + "; it must be 2^n - 1");
  }
  return limits.operations;
}

void check_stream(const std::string& tried, const Backend* backend) {
  const OperationSet operations = check_backend(tried, backend);
  if (operations == OperationSet{Operation::read} || operations == OperationSet{Operation::write}) {
    return;
  }
  throw std::invalid_argument(tried +
                              ": the back-end must declare one operation, read or write; open an "
                              "operation channel over others");
}

}  // namespace

Engine::Engine(const EngineOptions& options) : core_(std::make_unique<Core>(options)) {}

Engine::~Engine() = default;

std::unique_ptr<StreamChannel> Engine::open_stream(const StreamOptions& options,
                                                   std::unique_ptr<Backend> backend) {
  check_stream("open stream channel", backend.get());
  auto device = std::make_unique<StreamDevice>(options.layout, options.size, std::move(backend),
                                               options.notify, options.sink);
  std::unique_ptr<StreamChannel> channel(new StreamChannel(*this, std::move(device), options));
  core_->add(*channel->device_);  // last: the engine must not know a device that failed to open
  return channel;
}

std::unique_ptr<StreamQueue> Engine::open_queue(const StreamOptions& options,
                                                std::unique_ptr<Backend> backend) {
  check_stream("open stream queue", backend.get());
  if (options.sink.push != nullptr) {
    throw std::invalid_argument(
        "open stream queue: completions stay in its used ring; open a stream channel for a sink");
  }
  if (options.on_close == OnClose::finish) {
    throw std::invalid_argument(
        "open stream queue: what is issued only its client knows; poll all of it before closing");
  }
  auto device = std::make_unique<StreamDevice>(options.layout, options.size, std::move(backend),
                                               options.notify, CompletionSink{});
  std::unique_ptr<StreamQueue> queue(new StreamQueue(*this, std::move(device)));
  core_->add(*queue->device_);
  return queue;
}

std::unique_ptr<OperationChannel> Engine::open_operations(const OperationOptions& options,
                                                          std::unique_ptr<Backend> backend) {
  const OperationSet operations = check_backend("open operation channel", backend.get());
  if (operations.empty() || !kMemoryOperations.contains(operations)) {
    throw std::invalid_argument(
        "open operation channel: the back-end must declare memory operations and no others; open "
        "a stream channel over read or write");
  }
  auto device = std::make_unique<OperationDevice>(options, std::move(backend));
  std::unique_ptr<OperationChannel> channel(
      new OperationChannel(*this, std::move(device), options));
  core_->add(*channel->device_);
  return channel;
}

}  // namespace bellpull::engine
