// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>

#include "bellpull/netdrv/style.hpp"

namespace bellpull::netdrv {

/// One per style; see Style.
[[nodiscard]] std::unique_ptr<Port> make_push_port(const PortParts& parts);
[[nodiscard]] std::unique_ptr<Port> make_push_backlog_port(const PortParts& parts);
[[nodiscard]] std::unique_ptr<Port> make_push_pause_port(const PortParts& parts);
[[nodiscard]] std::unique_ptr<Port> make_notify_port(const PortParts& parts);
[[nodiscard]] std::unique_ptr<Port> make_poll_port(const PortParts& parts);
[[nodiscard]] std::unique_ptr<Port> make_virtqueue_port(const PortParts& parts);

}  // namespace bellpull::netdrv
