// SPDX-License-Identifier: BSD-2-Clause
// Check 35: back-ends that move the right bytes, but at the wrong time or with the wrong report,
// and the check that finds each.
#include <doctest/doctest.h>

#include <string>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/fault_backend.hpp"
#include "conformance_rig.hpp"
#include "mutant_backends.hpp"

namespace bellpull::engine::test {
namespace {

// The copy back-end with faults, most of which break the contract.
void fault_must_fail(const char* plan_text, const char* check) {
  CAPTURE(plan_text);
  const ParsedFault plan = parse_fault(plan_text);
  REQUIRE_MESSAGE(plan, plan.error);
  FaultCounters counters;
  must_fail({.make = [&] { return make_fault_backend(make_copy_backend(), plan.plan, counters); }},
            check);
}

TEST_CASE("check 35: transfers that complete twice, at once or later, are found") {
  fault_must_fail("every=10:duplicate", "every transfer completes once");
  struct Mutant final : ByteBackend {
    Reaped reap(std::span<Done> done) noexcept override {
      const Reaped reaped = ByteBackend::reap(done);
      if (reaped.count != 0) {
        again_ = done[0];
        wait_ = 100;
      } else if (wait_ != 0 && --wait_ == 0 && !done.empty()) {
        done[0] = again_;
        return {1, false};
      }
      return reaped;
    }
    Done again_;
    unsigned wait_ = 0;
  };
  must_fail<Mutant>("every transfer completes once");
}

TEST_CASE("check 35: transfers that never complete, or not in time, are found, and the kit ends") {
  fault_must_fail("stuck", "every transfer completes");
  fault_must_fail("every=50:stuck", "every transfer completes");
  fault_must_fail("late:offset=10:limit=1:reaps=1000000", "every transfer completes");
}

TEST_CASE("check 35: a transfer that is late, but in time, is none that is lost") {
  const FaultPlan plan = parse_fault("every=10:late:reaps=150").plan;
  FaultCounters counters;
  const conformance::Report report = conformance::run(
      {.make = [&] { return make_fault_backend(make_copy_backend(), plan, counters); }},
      few_rounds());
  CHECK_MESSAGE(report.passed(), report.text());
}

TEST_CASE("check 35: reports with ids that nobody has, or before anything was started, are found") {
  fault_must_fail("every=10:garbage-id", "nothing is reported that was not started");
  struct Mutant final : ByteBackend {
    Reaped reap(std::span<Done> done) noexcept override {
      if (said_ || done.empty()) return ByteBackend::reap(done);
      said_ = true;
      done[0] = {.id = 0};
      return {1, false};
    }
    bool said_ = false;
  };
  must_fail<Mutant>("nothing is reported that was not started");
}

TEST_CASE("check 35: failures without a cause are found") {
  fault_must_fail("every=30:write-error", "transfers do not fail without a cause");
  fault_must_fail("every=30:timeout", "transfers do not fail without a cause");
}

TEST_CASE("check 35: bytes that move before their transfer was started are found") {
  struct Mutant final : ByteBackend {
    unsigned start(std::span<const Op> ops) noexcept override {
      for (const Op& op : ops) scatter(op.destination, gather(op.source));
      return ByteBackend::start(ops);
    }
  };
  must_fail<Mutant>("nothing moves before it was started");
}

TEST_CASE("check 35: a window that is not kept is found") {
  struct Greedy final : ByteBackend {
    unsigned start(std::span<const Op> ops) noexcept override {
      held_.insert(held_.end(), ops.begin(), ops.end());
      return static_cast<unsigned>(ops.size());
    }
  };
  must_fail<Greedy>("the window is kept");
  struct Boasts final : ByteBackend {
    unsigned start(std::span<const Op> ops) noexcept override {
      return ByteBackend::start(ops) + 1000;
    }
  };
  must_fail<Boasts>("the window is kept");
  struct Closed final : ByteBackend {
    [[nodiscard]] unsigned window() const noexcept override { return 0; }
  };
  must_fail<Closed>("the window is kept");
}

TEST_CASE("check 35: a reap that leaves its span, or goes on after a failure, is found") {
  struct Leaves final : ByteBackend {
    Reaped reap(std::span<Done> done) noexcept override {
      return ByteBackend::reap(std::span(done.data(), done.size() + 1));
    }
  };
  must_fail<Leaves>("reap stays within its span");
  struct GoesOn final : WrappedBackend {
    using WrappedBackend::WrappedBackend;
    Reaped reap(std::span<Done> done) noexcept override {
      Reaped reaped = WrappedBackend::reap(done);
      return {reaped.count + WrappedBackend::reap(done.subspan(reaped.count)).count, false};
    }
  };
  struct Misplaces final : WrappedBackend {
    using WrappedBackend::WrappedBackend;
    Reaped reap(std::span<Done> done) noexcept override {
      const Reaped reaped = WrappedBackend::reap(done);
      for (Done& one : done.first(reaped.count)) one.segment = 0;
      return reaped;
    }
  };
  FaultCounters counters;
  const FaultPlan plan = parse_fault("write-error:every=2").plan;
  conformance::Subject subject = subject_of<ByteBackend>();
  const auto failing = [&] {
    return make_fault_backend(std::make_unique<ByteBackend>(), plan, counters);
  };
  subject.make_failing = [&] { return std::make_unique<GoesOn>(failing()); };
  must_fail(subject, "a failure ends the call");
  subject.make_failing = [&] { return std::make_unique<Misplaces>(failing()); };
  must_fail(subject, "failures say where and how far");
  subject.make_failing = subject.make;
  must_fail(subject, "failures say where and how far");
}

template <class Change>
void declaration_must_fail(Change change) {
  struct Mutant final : ByteBackend {
    explicit Mutant(Change how) : change_(how) {}
    [[nodiscard]] Capabilities capabilities() const noexcept override {
      Capabilities declared = ByteBackend::capabilities();
      change_(declared);
      return declared;
    }
    Change change_;
  };
  must_fail({.make = [=] { return std::make_unique<Mutant>(change); }},
            "capabilities are sane and constant");
}

TEST_CASE("check 35: capabilities that cannot be are found") {
  declaration_must_fail([](Capabilities& c) { c.operations = {}; });
  declaration_must_fail([](Capabilities& c) { c.operations = {Operation::read, Operation::copy}; });
  declaration_must_fail([](Capabilities& c) { c.max_segments = 0; });
  declaration_must_fail([](Capabilities& c) { c.max_segments = kMaxSegments + 1; });
  declaration_must_fail([](Capabilities& c) { c.alignment = 3; });
  declaration_must_fail([](Capabilities& c) { c.alignment = 0; });
  declaration_must_fail([](Capabilities& c) { c.max_length = 0; });
  declaration_must_fail([](Capabilities& c) {
    static std::uint32_t length = 1000;
    c.max_length = ++length;
  });
  must_fail({.make = [] { return nullptr; }}, "capabilities are sane and constant");
}

}  // namespace
}  // namespace bellpull::engine::test
