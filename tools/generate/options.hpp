// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "generate/traffic.hpp"
#include "output.hpp"

namespace bellpull::tools::generate {

/// The command line of `bellpull generate` as typed; an empty word was not given.
struct Words {
  std::string interface;         ///< IFACE
  std::string rate;              ///< --rate
  std::string burst;             ///< --burst
  std::string size;              ///< --size
  std::string flows;             ///< --flows
  std::string count;             ///< --count
  std::string duration;          ///< --duration
  std::string via;               ///< --via
  bool qdisc = false;            ///< --qdisc
  std::string source;            ///< --source
  std::string destination;       ///< --destination
  bool receive = false;          ///< --receive
  std::string expect;            ///< --expect
  std::string idle;              ///< --idle
  std::string format = "table";  ///< --format
};

/// How frames get into the interface.
enum class Via : std::uint8_t {
  best,    ///< xdp where it works, else packet
  xdp,     ///< an XDP program that redirects live frames
  packet,  ///< a packet socket
};

/// Frames are sent without a pause.
inline constexpr double kFlood = 0;

/// What `bellpull generate` is to do, every value good and all of them together.
struct Options {
  std::string interface;                             ///< its name
  Format format = Format::table;                     ///< of the statistics
  std::optional<std::chrono::nanoseconds> duration;  ///< none: until something else ends it

  // of the sender
  Traffic traffic;                     ///< which frames
  double rate = 0;                     ///< frames per second, or kFlood
  std::uint64_t burst = 0;             ///< frames that go out together
  std::optional<std::uint64_t> count;  ///< frames; none: no end
  Via via = Via::best;                 ///< how they are sent
  bool qdisc = false;                  ///< packet sockets: through the queueing discipline

  // of the receiver
  bool receive = false;                          ///< receive instead
  std::optional<std::uint64_t> expect;           ///< frames that have to arrive
  std::optional<std::chrono::nanoseconds> idle;  ///< the end, when none came for so long
};

/// Understands the words. Throws UsageError for the first that is wrong.
[[nodiscard]] Options understand(const Words& words);

}  // namespace bellpull::tools::generate
