// SPDX-License-Identifier: BSD-2-Clause
#include "capture_spec.hpp"

#include <fmt/format.h>

#include <array>

#include "error.hpp"
#include "number.hpp"
#include "port_keys.hpp"

namespace bellpull::tools {

namespace {

using netdrv::bit_of;
using netdrv::CaptureEvent;

constexpr const char* kOption = "--capture";

enum Key : std::size_t { port, dir, snap };
constexpr std::array kKeys = {Word{"port"}, Word{"dir"}, Word{"snap"}, Word{"filter"}};

// The words of `dir`, and what they stand for.
constexpr std::array kDirections = {Word{"in"}, Word{"out"}, Word{"drop"}};
constexpr std::array<netdrv::CaptureEvents, kDirections.size()> kEvents = {
    bit_of(CaptureEvent::received), bit_of(CaptureEvent::sent),
    bit_of(CaptureEvent::rx_dropped) | bit_of(CaptureEvent::tx_dropped)};

netdrv::CaptureEvents parse_directions(const std::string& subject, std::string_view text) {
  netdrv::CaptureEvents events = 0;
  for (bool last = false; !last;) {
    const auto slash = text.find('/');
    events |= kEvents[choose(subject, text.substr(0, slash), kDirections)];
    last = slash == std::string_view::npos;
    if (!last) text.remove_prefix(slash + 1);
  }
  return events;
}

void set_key(CaptureSpec& spec, std::size_t key, const std::string& subject,
             std::string_view value) {
  switch (key) {
    case Key::port:
      spec.port = value;
      break;
    case Key::dir:
      spec.events = parse_directions(subject, value);
      break;
    case Key::snap:
      spec.snap = static_cast<std::uint32_t>(parse_number(subject, value, 1, netdrv::kMostSnap));
      break;
    default:
      break;
  }
}

// An expression has commas of its own, so what is behind the key belongs to it.
std::string_view take_filter(CaptureSpec& spec, std::string_view pairs) {
  constexpr std::string_view kFilter = ",filter=";
  const auto at = pairs.find(kFilter);
  if (at == std::string_view::npos) return pairs;
  const std::string expression(pairs.substr(at + kFilter.size()));
  if (expression.empty()) {
    throw UsageError(fmt::format(
        "{}: key 'filter' has no value: write filter=EXPRESSION, such as filter=icmp", kOption));
  }
  spec.filter.emplace(fmt::format("{}: filter", kOption), expression);
  return pairs.substr(0, at);
}

}  // namespace

CaptureSpec parse_capture(std::string_view text) {
  CaptureSpec spec;
  const std::string_view path = text.substr(0, text.find(','));
  if (path.empty()) {
    throw UsageError(fmt::format("{}: the path is empty: name the file to write", kOption));
  }
  if (path == "-") {
    throw UsageError(fmt::format(
        "{}: - is standard output, where the statistics go: name a file or a FIFO", kOption));
  }
  spec.path = path;
  const std::string_view pairs = take_filter(spec, text.substr(path.size()));
  if (pairs.empty()) return spec;
  read_keys(kOption, pairs.substr(1), kKeys, 0,
            [&spec](std::size_t key, const std::string& subject, std::string_view value) {
              set_key(spec, key, subject, value);
            });
  return spec;
}

}  // namespace bellpull::tools
