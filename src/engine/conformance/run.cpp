// SPDX-License-Identifier: BSD-2-Clause
#include <bit>
#include <stdexcept>

#include "checks.hpp"

namespace bellpull::engine::conformance {

namespace {

constexpr std::size_t kBatchRoom = 4u << 20;  // for what lies around the bytes of a batch

bool same(const Capabilities& a, const Capabilities& b) {
  return a.operations == b.operations && a.max_segments == b.max_segments &&
         a.max_length == b.max_length && a.alignment == b.alignment && a.residue == b.residue &&
         a.configurable == b.configurable && a.external_control == b.external_control;
}

struct Step {
  const char* name;
  void (*make)(Lab&);
  bool of_memory;
  bool of_streams;
};

constexpr Step kSteps[] = {{"filling the window", check_window, true, true},
                           {"streaming", check_stream, false, true},
                           {"batches", check_outcomes, true, false},
                           {"long transfers", check_progress, true, false},
                           {"pausing", check_pause, true, false},
                           {"failing", check_failures, true, false},
                           {"cancelling", check_cancel, true, true},
                           {"stopping", check_stop, true, true}};

void refuse_nonsense(const Subject& subject, const Options& options) {
  if (!subject.make) {
    throw std::invalid_argument(
        "conformance: the subject has no `make`; give a function that "
        "makes a back-end");
  }
  if (options.max_length == 0 || options.stream_length == 0 || options.rounds == 0 ||
      options.patience == 0) {
    throw std::invalid_argument(
        "conformance: an option is 0; lengths, rounds and patience are at "
        "least 1");
  }
}

}  // namespace

Transfers Lab::make(std::optional<Operation> operation, std::size_t most,
                    std::optional<std::uint64_t> length) {
  arena.clear(random);
  const std::vector<Operation> all = operations();
  Transfers transfers;
  while (transfers.size() < most) {
    auto made = maker.make(operation ? *operation : all[below(random, all.size())], length);
    if (!made) break;
    transfers.push_back(std::move(made));
  }
  return transfers;
}

std::vector<Operation> Lab::operations() const {
  std::vector<Operation> declared;
  for (unsigned i = 0; i < kOperations; ++i) {
    if (capabilities.operations.contains(static_cast<Operation>(i))) {
      declared.push_back(static_cast<Operation>(i));
    }
  }
  return declared;
}

bool check_capabilities(const Capabilities& first, Backend& again, Findings& findings) {
  const auto fail = [&](const std::string& what) {
    findings.fail(check::kCapabilities, what);
    return false;
  };
  const bool streaming = first.operations == OperationSet{Operation::read} ||
                         first.operations == OperationSet{Operation::write};
  if (first.operations.empty()) return fail("no operation is declared");
  if (!streaming && !kMemoryOperations.contains(first.operations)) {
    return fail("declares read or write beside another operation: a stream does one of them alone");
  }
  if (first.max_segments < 1 || first.max_segments > kMaxSegments) {
    return fail("max_segments is " + std::to_string(first.max_segments) + ", not 1 to " +
                std::to_string(kMaxSegments));
  }
  if (!std::has_single_bit(first.alignment)) {
    return fail("alignment is " + std::to_string(first.alignment) + ", not a power of two");
  }
  if (first.max_length < first.alignment) {
    return fail("max_length is " + std::to_string(first.max_length) +
                ", less than the alignment of " + std::to_string(first.alignment));
  }
  if (!same(first, again.capabilities())) return fail("asked again they were others");
  const WaitSource source = again.wait_source();
  const WaitSource later = again.wait_source();
  if (source.fd != later.fd || source.events != later.events) {
    return fail("wait_source() was another one when asked again");
  }
  findings.pass(check::kCapabilities);
  return true;
}

Report run(const Subject& subject, const Options& options) {
  refuse_nonsense(subject, options);
  Report report;
  Findings findings(report);
  report.seed = options.seed;
  Capabilities capabilities;
  {
    const std::unique_ptr<Backend> backend = subject.make();
    if (!backend) {
      findings.fail(check::kCapabilities, "`make` made no back-end");
      return report;
    }
    capabilities = backend->capabilities();
    if (!check_capabilities(capabilities, *backend, findings)) return report;
  }
  report.checks.clear();
  Lab lab(subject, options, capabilities, report,
          std::size_t{4} * std::min(options.max_length, capabilities.max_length) + kBatchRoom);
  lab.findings.pass(check::kCapabilities);
  report.streams = lab.streams();
  for (const Step& step : kSteps) {
    if (!(lab.streams() ? step.of_streams : step.of_memory)) continue;
    lab.phase = step.name;
    step.make(lab);
  }
  for (Check& check : report.checks) {
    if (check.verdict != Verdict::left_out || !check.message.empty()) continue;
    check.message = lab.findings.hopeless() ? "a transfer never completed"
                    : report.streams        ? "not of a back-end that streams"
                                            : "not of a back-end that works on memory";
  }
  return report;
}

}  // namespace bellpull::engine::conformance
