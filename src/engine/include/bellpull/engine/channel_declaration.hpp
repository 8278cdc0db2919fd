// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine {

class Domain;
class Engine;

/// A channel that a device can offer. It is opened when somebody asks for it.
struct ChannelDeclaration {
  std::string name{};  ///< unique in the directory
  /// Makes its back-end, each time it is opened, on the thread that asks. May throw.
  std::function<std::unique_ptr<Backend>()> make{};
  /// What it can do, where that is not what its device declares. What the back-end can do beyond it
  /// is out of the clients' reach.
  std::optional<Capabilities> capabilities{};
  bool exclusive = false;  ///< never among the channels that are shared (dmaengine's DMA_PRIVATE)
};

/// A device: channels that one engine runs and that see memory through one domain.
struct DeviceDeclaration {
  std::string name{};              ///< for people
  Engine* engine = nullptr;        ///< outlives the directory
  const Domain* domain = nullptr;  ///< outlives the directory; null: memory need not be mapped
  Capabilities capabilities{};     ///< of every channel that does not declare its own
  std::vector<ChannelDeclaration> channels{};  ///< at least one
};

/// What a client sees of a channel before it is opened: who would run a transfer, and for which
/// domain memory has to be mapped.
struct ChannelOffer {
  std::string name{};              ///< of the channel
  std::string device{};            ///< its name
  Engine* engine = nullptr;        ///< runs it
  const Domain* domain = nullptr;  ///< null: memory need not be mapped
  Capabilities capabilities{};     ///< as declared
  bool exclusive = false;          ///< as declared

  /// Whether it is a stream channel; otherwise it is an operation channel.
  [[nodiscard]] bool is_stream() const noexcept {
    return !kMemoryOperations.contains(capabilities.operations);
  }
};

}  // namespace bellpull::engine
