// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <string>

#include "bellpull/engine/channel_declaration.hpp"

namespace bellpull::engine {

/// Throws std::invalid_argument when the declaration is empty or contradicts itself. Names that are
/// taken are for the directory to see.
void check_declaration(const DeviceDeclaration& device);

/// What a channel of the device can do.
[[nodiscard]] const Capabilities& declared(const DeviceDeclaration& device,
                                           const ChannelDeclaration& channel) noexcept;

/// A back-end of the offer that does what was declared and no more. Throws std::invalid_argument
/// when it is missing or cannot do that.
[[nodiscard]] std::unique_ptr<Backend> hold_to(const ChannelOffer& offer,
                                               std::unique_ptr<Backend> backend);

}  // namespace bellpull::engine
