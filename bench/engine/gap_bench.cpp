// SPDX-License-Identifier: BSD-2-Clause
// How long a back-end stands idle between transfers, by who starts the next one.
//
// usage: gap_bench ELECTOR [--without-stamps]
//
// Prints a line of JSON for each depth and size. A gap counts only if the later transfer had been
// issued, or handed to whoever starts it, before the earlier one's last byte. Without stamps there
// is only the rate: the difference is what the stamps cost.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "gap_electors.hpp"

namespace bellpull::bench {
namespace {

struct Elector {
  const char* name;
  bool (*run)(const GapRun&, Log&);
};

constexpr auto kAutonomous = engine::Placement::autonomous;
constexpr auto kDriven = engine::Placement::driven;
constexpr std::array<Elector, 7> kElectors{{
    {"engine", [](const GapRun& r, Log& l) { return elect_by_engine(r, l, kAutonomous, 64); }},
    {"engine_one", [](const GapRun& r, Log& l) { return elect_by_engine(r, l, kAutonomous, 1); }},
    {"engine_driven", [](const GapRun& r, Log& l) { return elect_by_engine(r, l, kDriven, 64); }},
    {"callback", elect_by_callback},
    {"dispatcher", [](const GapRun& r, Log& l) { return elect_by_dispatcher(r, l, false); }},
    {"dispatcher_sleeps", [](const GapRun& r, Log& l) { return elect_by_dispatcher(r, l, true); }},
    {"poll", elect_by_poll},
}};

/// What the stamps of a run say, in nanoseconds.
struct Gaps {
  std::vector<double> all;  // sorted
  double idle = 0;
  double busy = 0;  // of the transfers behind a gap
};

Gaps gaps_of(const Log& log, double nanoseconds_per_tick) {
  Gaps gaps;
  for (std::size_t n = 0; n + 1 < log.end.size(); ++n) {
    if (log.issued[n + 1] >= log.end[n]) continue;
    gaps.all.push_back(static_cast<double>(log.begin[n + 1] - log.end[n]) * nanoseconds_per_tick);
    gaps.idle += gaps.all.back();
    gaps.busy += static_cast<double>(log.end[n + 1] - log.begin[n + 1]) * nanoseconds_per_tick;
  }
  std::sort(gaps.all.begin(), gaps.all.end());
  return gaps;
}

double quantile(const std::vector<double>& sorted, double share) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(share * last)];
}

/// How many gaps are below each power of two, and not below the one before.
std::string histogram(const std::vector<double>& gaps) {
  std::array<std::uint64_t, 40> counts{};
  for (const double gap : gaps) {
    const auto width = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(gap)));
    ++counts[std::min(width, counts.size() - 1)];
  }
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    text += (text.empty() ? "\"" : ", \"") + std::to_string(std::uint64_t{1} << i) +
            "\": " + std::to_string(counts[i]);
  }
  return "{" + text + "}";
}

/// About as long for each size.
std::size_t transfers_of(std::size_t bytes, const std::string& elector) {
  const std::size_t most = elector == "dispatcher_sleeps" ? 4000 : 60000;
  return bytes > 4096 ? most / 6 : most;
}

void print(const GapRun& run, const Gaps& gaps, double seconds, double core_share) {
  std::printf(
      "{\"depth\": %u, \"bytes\": %zu, \"transfers\": %zu, \"mops\": %.4f, "
      "\"core_share\": %.3f, \"counted\": %zu, ",
      run.depth, run.bytes, run.transfers, static_cast<double>(run.transfers) / seconds * 1e-6,
      core_share, gaps.all.size());
  std::printf(
      "\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f, \"duty\": %.4f, "
      "\"histogram\": %s}\n",
      quantile(gaps.all, 0.5), quantile(gaps.all, 0.99), quantile(gaps.all, 0.999),
      gaps.all.empty() ? 0 : gaps.all.back(),
      gaps.all.empty() ? 0 : gaps.busy / (gaps.busy + gaps.idle), histogram(gaps.all).c_str());
}

bool measure(const Elector& elector, GapRun run) {
  Log warm(1000);
  run.transfers = warm.end.size();
  if (!elector.run(run, warm)) return false;
  run.transfers = transfers_of(run.bytes, elector.name);
  Log log(run.transfers);
  const TickRate rate;
  const ThreadCpu cpu(pthread_self());
  const auto begin = Clock::now();
  const bool right = elector.run(run, log);
  const double seconds = Seconds(Clock::now() - begin).count();
  const double share = std::strcmp(elector.name, "dispatcher_sleeps") == 0
                           ? 1.0
                           : std::min(1.0, cpu.seconds() / seconds);
  print(run, run.stamped ? gaps_of(log, rate.nanoseconds_per_tick()) : Gaps{}, seconds, share);
  return right;
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) {
  using namespace bellpull::bench;
  const bool stamped = argc != 3 || std::strcmp(argv[2], "--without-stamps") != 0;
  for (const Elector& elector : kElectors) {
    if (argc < 2 || argc > 3 || std::strcmp(elector.name, argv[1]) != 0) continue;
    for (const unsigned depth : {2U, 32U}) {
      for (const std::size_t bytes : {64U, 1500U, 65536U}) {
        if (measure(elector, {.depth = depth, .bytes = bytes, .stamped = stamped})) continue;
        std::fprintf(stderr, "gap_bench: %s: a transfer failed, or its bytes are wrong\n",
                     elector.name);
        return 1;
      }
    }
    return 0;
  }
  std::fprintf(stderr, "usage: gap_bench ELECTOR [--without-stamps]; electors:");
  for (const Elector& elector : kElectors) std::fprintf(stderr, " %s", elector.name);
  std::fprintf(stderr, "\n");
  return 2;
}
