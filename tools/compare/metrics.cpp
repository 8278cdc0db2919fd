// SPDX-License-Identifier: BSD-2-Clause
#include "metrics.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace bellpull::tools::compare {

namespace {

using Value = std::optional<double>;

Value ratio(double part, double whole) {
  if (whole > 0) return part / whole;
  return std::nullopt;
}

Value per_frame(double amount, const Measurement& one) {
  return ratio(amount, static_cast<double>(one.outcome.frames));
}

Value ns_per_frame(double seconds, const Measurement& one) {
  constexpr double kNanoseconds = 1e9;
  return per_frame(seconds * kNanoseconds, one);
}

// The kernel takes a thread's time and that of all at different moments; without a thread of the
// engine the difference may be below 0.
double engine_cpu(const Measurement& one) {
  return std::max(0.0, one.outcome.engine_cpu);
}

Value latency(std::uint64_t ns, const Measurement& one) {
  if (one.latency.count != 0) return static_cast<double>(ns);
  return std::nullopt;
}

Value share(std::uint64_t frames, const Measurement& one) {
  return ratio(static_cast<double>(frames), static_cast<double>(one.outcome.scheduled));
}

using M = Measurement;

constexpr std::array kMetrics = {
    Metric{
        "frames_per_second", true,
        [](const M& m) { return ratio(static_cast<double>(m.outcome.frames), m.outcome.seconds); }},
    Metric{"cpu_ns_per_frame", true,
           [](const M& m) { return ns_per_frame(m.outcome.app_cpu + engine_cpu(m), m); }},
    Metric{"loop_cpu_ns_per_frame", false,
           [](const M& m) { return ns_per_frame(m.outcome.app_cpu, m); }},
    Metric{"engine_cpu_ns_per_frame", false,
           [](const M& m) { return ns_per_frame(engine_cpu(m), m); }},
    Metric{"system_cpu_ns_per_frame", false,
           [](const M& m) { return ns_per_frame(m.outcome.system_cpu, m); }},
    Metric{"latency_p50_ns", false, [](const M& m) { return latency(m.latency.p50, m); }},
    Metric{"latency_p99_ns", true, [](const M& m) { return latency(m.latency.p99, m); }},
    Metric{"latency_p999_ns", false, [](const M& m) { return latency(m.latency.p999, m); }},
    Metric{"notifies_per_frame", false,
           [](const M& m) { return per_frame(static_cast<double>(m.outcome.notifies), m); }},
    Metric{"border_calls_per_frame", false,
           [](const M& m) { return per_frame(static_cast<double>(m.outcome.border_calls), m); }},
    Metric{"largest_burst", false,
           [](const M& m) { return Value(static_cast<double>(m.outcome.largest_burst)); }},
    Metric{"missed_share", false, [](const M& m) { return share(m.outcome.missed, m); }},
    Metric{"dropped_share", false, [](const M& m) { return share(m.outcome.dropped, m); }},
};
static_assert(kMetrics.size() == static_cast<std::size_t>(Quantity::dropped) + 1);

}  // namespace

Measurement::Measurement(unsigned number, const Point& measured, Outcome&& what)
    : repetition(number), point(measured), outcome(std::move(what)) {
  if (!outcome.latency.empty()) latency = outcome.latency.front().summary();
  outcome.latency.clear();
}

std::span<const Metric> metrics() noexcept {
  return kMetrics;
}

const Metric& metric(Quantity quantity) noexcept {
  return kMetrics[static_cast<std::size_t>(quantity)];
}

}  // namespace bellpull::tools::compare
