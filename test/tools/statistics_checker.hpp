// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

namespace bellpull::test {

/// What is wrong with `text` as statistics in JSON, or nothing. The keys that every reader of them
/// may count on must be there, with the right types.
[[nodiscard]] std::string fault_in_json(const std::string& text);

/// What in `text`, statistics in JSON of a run that is over, does not add up, or nothing: every
/// simulated arrival was delivered or missed, every frame received was sent, consumed or dropped,
/// every frame sent was intact, no packet is left.
[[nodiscard]] std::string fault_in_sums(const std::string& text);

/// What is wrong with `text` in the Prometheus text exposition format 0.0.4, or nothing. Stricter
/// than a reader: HELP and TYPE before the samples of each family, families in one piece, no sample
/// twice, counters ending in _total, nothing else ending so, histograms complete and their buckets
/// rising.
[[nodiscard]] std::string fault_in_exposition(const std::string& text);

/// What is wrong with `text` as a report of `bellpull dmatest` in JSON, or nothing. Keys are there
/// and the numbers go together: sums, bands, quantiles that rise.
[[nodiscard]] std::string fault_in_dmatest(const std::string& text);

}  // namespace bellpull::test
