// SPDX-License-Identifier: BSD-2-Clause
#include "sim_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "error.hpp"
#include "number.hpp"
#include "port_keys.hpp"
#include "trace_file.hpp"

namespace bellpull::tools {

namespace {

using netdrv::Arrivals;

enum Key : std::size_t {
  name,
  rate,
  arrivals,
  burst,
  wave,
  low,
  trace,
  size,
  flows,
  frames,
  ring,
  seed,
  mtu
};
constexpr std::array kKeys = {Word{"name"},  Word{"rate"},   Word{"arrivals"}, Word{"burst"},
                              Word{"wave"},  Word{"low"},    Word{"trace"},    Word{"size"},
                              Word{"flows"}, Word{"frames"}, Word{"ring"},     Word{"seed"},
                              Word{"mtu"}};

// In the order of netdrv::Arrivals.
constexpr std::array kArrivals = {Word{"fixed"}, Word{"poisson"}, Word{"bursts"}, Word{"square"},
                                  Word{"trace"}};

// A key that means something with one kind of arrivals only.
struct KeyOfArrivals {
  Key key;
  Arrivals arrivals;
};
constexpr std::array kOfArrivals = {
    KeyOfArrivals{Key::burst, Arrivals::bursts}, KeyOfArrivals{Key::wave, Arrivals::square},
    KeyOfArrivals{Key::low, Arrivals::square}, KeyOfArrivals{Key::trace, Arrivals::trace},
    KeyOfArrivals{Key::seed, Arrivals::poisson}};

// The largest value of the type; what is out of range, SimNic says.
template <class Number>
void set_number(Number& number, const std::string& subject, std::string_view value) {
  number = static_cast<Number>(parse_number(subject, value, 0, std::numeric_limits<Number>::max()));
}

void set_sizes(netdrv::SimOptions& options, const std::string& subject, std::string_view value) {
  options.sizes.clear();
  for (bool last = false; !last;) {
    const auto slash = value.find('/');
    set_number(options.sizes.emplace_back(), subject, value.substr(0, slash));
    last = slash == std::string_view::npos;
    if (!last) value.remove_prefix(slash + 1);
  }
}

// It starts again when as long has passed since its last arrival as between two on average.
void set_trace(netdrv::SimOptions& options, const std::string& subject, std::string_view value) {
  options.trace = read_trace(subject, std::string(value));
  const std::uint64_t length = options.trace.back() - options.trace.front();
  const std::uint64_t gaps = options.trace.size() - 1;
  options.trace_period_ns =
      options.trace.back() + std::max<std::uint64_t>(1, gaps == 0 ? 0 : length / gaps);
}

void set_key(netdrv::SimOptions& options, std::size_t key, const std::string& subject,
             std::string_view value) {
  switch (key) {
    case Key::name:
      check_name(subject, value);
      options.name = value;
      break;
    case Key::rate:
      options.rate = parse_rate(subject, value);
      break;
    case Key::arrivals:
      options.arrivals = static_cast<Arrivals>(choose(subject, value, kArrivals));
      break;
    case Key::burst:
      set_number(options.burst, subject, value);
      break;
    case Key::wave:
      options.wave_ns = parse_time(subject, value);
      break;
    case Key::low:
      options.low_share = parse_share(subject, value);
      break;
    case Key::trace:
      set_trace(options, subject, value);
      break;
    case Key::size:
      set_sizes(options, subject, value);
      break;
    case Key::flows:
      set_number(options.flows, subject, value);
      break;
    case Key::frames:
      set_number(options.frames, subject, value);
      break;
    case Key::ring:
      set_number(options.ring, subject, value);
      break;
    case Key::seed:
      set_number(options.seed, subject, value);
      break;
    case Key::mtu:
      set_number(options.mtu, subject, value);
      break;
    default:
      break;
  }
}

void check_together(const std::string& subject, const netdrv::SimOptions& options, KeySet given) {
  for (const KeyOfArrivals& pair : kOfArrivals) {
    if ((given & key_bit(pair.key)) == 0 || options.arrivals == pair.arrivals) continue;
    throw UsageError(fmt::format("{}: {} means nothing without arrivals={}: add that, or drop it",
                                 subject, kKeys[pair.key].text,
                                 kArrivals[static_cast<std::size_t>(pair.arrivals)].text));
  }
  if (options.arrivals != Arrivals::trace) return;
  if ((given & key_bit(Key::trace)) == 0) {
    throw UsageError(fmt::format("{}: arrivals=trace needs a file: add trace=FILE", subject));
  }
  if ((given & key_bit(Key::rate)) != 0) {
    throw UsageError(fmt::format(
        "{}: rate means nothing with arrivals=trace, the trace has it: drop one", subject));
  }
}

// Its ranges are SimNic's own.
void try_out(const std::string& subject, netdrv::SimOptions options) {
  options.timer = false;
  if (options.name.empty()) options.name = "sim";
  try {
    const netdrv::SimNic trial(options);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("{}: {}", subject, error.what()));
  }
}

}  // namespace

SimSpec parse_sim(std::string_view text) {
  const std::string subject = fmt::format("port {}", text);
  SimSpec port;
  port.text = text;
  port.options.name.clear();
  const auto colon = text.find(':');
  if (colon == std::string_view::npos && text.find(',') != std::string_view::npos) {
    throw UsageError(
        fmt::format("{}: there is no colon before the first key: write sim:KEY=VALUE", subject));
  }
  KeySet given = 0;
  if (colon != std::string_view::npos) {
    const auto take = [&port](std::size_t key, const std::string& whose, std::string_view value) {
      set_key(port.options, key, whose, value);
    };
    given = read_keys(subject, text.substr(colon + 1), kKeys, 0, take);
  }
  check_together(subject, port.options, given);
  try_out(subject, port.options);
  return port;
}

}  // namespace bellpull::tools
