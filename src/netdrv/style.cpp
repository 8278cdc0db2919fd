// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/style.hpp"

#include "styles/styles.hpp"

namespace bellpull::netdrv {

std::unique_ptr<Port> make_port(Style style, const PortParts& parts) {
  switch (style) {
    case Style::push:
      return make_push_port(parts);
    case Style::push_backlog:
      return make_push_backlog_port(parts);
    case Style::push_pause:
      return make_push_pause_port(parts);
    case Style::notify:
      return make_notify_port(parts);
    case Style::poll:
      break;
    case Style::virtqueue:
      return make_virtqueue_port(parts);
  }
  return make_poll_port(parts);
}

}  // namespace bellpull::netdrv
