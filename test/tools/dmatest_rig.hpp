// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "dmatest_report.hpp"

namespace bellpull::test {

/// Where an engine runs and over which ring.
struct DmatestSetting {
  const char* engine;
  const char* layout;
};

inline constexpr std::array<DmatestSetting, 4> kDmatestSettings{
    {{"driven", "split"}, {"driven", "packed"}, {"thread", "split"}, {"thread", "packed"}}};

/// What is typed for a short run there.
[[nodiscard]] inline tools::dmatest::Words dmatest_words(const DmatestSetting& setting) {
  tools::dmatest::Words words;
  words.engine = setting.engine;
  words.layout = setting.layout;
  words.size = "1-4k";
  words.iterations = "1500";
  words.seed = "42";
  return words;
}

/// Runs one worker for each back-end and reports.
[[nodiscard]] inline tools::dmatest::Report run_workers(
    const tools::dmatest::Options& options,
    std::vector<std::unique_ptr<engine::Backend>> backends) {
  const std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<tools::dmatest::Worker>> workers;
  std::vector<std::thread> threads;
  workers.reserve(backends.size());
  threads.reserve(backends.size());
  for (auto& backend : backends) {
    workers.push_back(std::make_unique<tools::dmatest::Worker>(
        options.job, static_cast<unsigned>(workers.size()), std::move(backend), stop));
  }
  for (auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });
  for (std::thread& thread : threads) thread.join();
  tools::dmatest::Report report{
      .options = options, .totals = {}, .failures = {}, .interrupted = false};
  for (const auto& worker : workers) {
    report.totals.merge(worker->totals());
    if (worker->failure()) report.failures.push_back(*worker->failure());
  }
  return report;
}

/// The same with good back-ends, as many as there are threads.
[[nodiscard]] inline tools::dmatest::Report run_workers(const tools::dmatest::Options& options) {
  std::vector<std::unique_ptr<engine::Backend>> backends;
  for (unsigned i = 0; i < options.threads; ++i) backends.push_back(make_backend(*options.backend));
  return run_workers(options, std::move(backends));
}

}  // namespace bellpull::test
