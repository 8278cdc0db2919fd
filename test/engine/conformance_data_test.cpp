// SPDX-License-Identifier: BSD-2-Clause
// Check 35: back-ends that move or tell the wrong bytes, and the check that finds each.
#include <doctest/doctest.h>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/fault_backend.hpp"
#include "conformance_rig.hpp"
#include "mutant_backends.hpp"

namespace bellpull::engine::test {
namespace {

TEST_CASE("check 35: the back-end that the mutants derive from passes") {
  const conformance::Report report = conformance::run(subject_of<ByteBackend>(), few_rounds());
  CHECK_MESSAGE(report.passed(), report.text());
}

TEST_CASE("the kit asks for no more than what is declared") {
  struct Narrow final : ByteBackend {
    [[nodiscard]] Capabilities capabilities() const noexcept override {
      return {
          .operations = {Operation::copy}, .max_segments = 3, .max_length = 4000, .alignment = 64};
    }
    void move(const Op& op, Done& done) noexcept override {
      bool fits = op.operation == Operation::copy && op.burst == 0 && !op.external_control;
      std::size_t bytes = 0;
      for (const auto list : {op.source, op.destination}) {
        fits = fits && !list.empty() && list.size() <= 3;
        for (const Segment& segment : list) {
          fits = fits && segment.length % 64 == 0 &&
                 reinterpret_cast<std::uintptr_t>(segment.data) % 64 == 0;
          bytes += segment.length;
        }
      }
      ByteBackend::move(op, done);
      if (!fits || bytes == 0 || bytes > 8000) done.error = EINVAL;
    }
  };
  const conformance::Report report = conformance::run(subject_of<Narrow>(), few_rounds());
  CHECK_MESSAGE(report.passed(), report.text());
}

TEST_CASE("without segments of no bytes the kit makes none, and they are a check of their own") {
  struct Fussy final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      ByteBackend::move(op, done);
      for (const Segment& segment : op.source) {
        if (segment.length == 0) done.error = EINVAL;
      }
    }
  };
  must_fail<Fussy>("segments without bytes are stepped over");
  conformance::Options options = few_rounds();
  options.empty_segments = false;
  const conformance::Report report = conformance::run(subject_of<Fussy>(), options);
  CHECK_MESSAGE(report.passed(), report.text());
}

TEST_CASE("the same seed makes the same report, another seed another one") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      ByteBackend::move(op, done);
      op.destination.back().data[0] ^= std::byte{1};
    }
  };
  conformance::Options options = few_rounds();
  const std::string once = conformance::run(subject_of<Mutant>(), options).text();
  CHECK(conformance::run(subject_of<Mutant>(), options).text() == once);
  ++options.seed;
  CHECK(conformance::run(subject_of<Mutant>(), options).text() != once);
}

TEST_CASE("check 35: a copy of the first source segment only is found") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      done.bytes = gather(op.source).size();
      scatter(op.destination, gather(op.source.first(1)));
    }
  };
  must_fail<Mutant>("outcome of copy");
}

TEST_CASE("check 35: a copy without its last byte is found") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      Bytes bytes = gather(op.source);
      done.bytes = bytes.size();
      bytes.pop_back();
      scatter(op.destination, bytes);
    }
  };
  must_fail<Mutant>("outcome of copy");
}

TEST_CASE("check 35: a copy that is shifted by 32 bytes is found") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      Bytes bytes = gather(op.source);
      done.bytes = bytes.size();
      if (bytes.size() > 32) std::rotate(bytes.begin(), bytes.begin() + 32, bytes.end());
      scatter(op.destination, bytes);
    }
  };
  must_fail<Mutant>("outcome of copy");
}

TEST_CASE("check 35: a forgotten segment of the destination is found") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      const Bytes bytes = gather(op.source);
      done.bytes = bytes.size();
      std::vector<Segment> list(op.destination.begin(), op.destination.end());
      Bytes saved;
      if (list.size() > 2) saved = gather(std::span(list).subspan(1, 1));
      scatter(list, bytes);
      if (list.size() > 2) scatter(std::span(list).subspan(1, 1), saved);
    }
  };
  must_fail<Mutant>("outcome of copy");
}

TEST_CASE("check 35: two segments in each other's place are found") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      std::vector<Segment> list(op.source.begin(), op.source.end());
      if (list.size() > 2) std::swap(list[1], list[2]);
      const Bytes bytes = gather(list);
      done.bytes = bytes.size();
      scatter(op.destination, bytes);
    }
  };
  must_fail<Mutant>("outcome of copy");
}

TEST_CASE("check 35: a copy that writes one byte too far is found") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      ByteBackend::move(op, done);
      const Segment& end = op.destination.back();
      end.data[end.length] ^= std::byte{1};
    }
  };
  must_fail<Mutant>("nothing else is written");
}

TEST_CASE("check 35: a copy that spoils its source is found") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      ByteBackend::move(op, done);
      op.source.back().data[0] ^= std::byte{1};
    }
  };
  must_fail<Mutant>("nothing else is written");
}

TEST_CASE("check 35: bytes reported that are not those done are found") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      ByteBackend::move(op, done);
      --done.bytes;
    }
  };
  must_fail<Mutant>("the bytes reported are those done");
}

TEST_CASE("check 35: success on failure is found, by the data") {
  struct Mutant final : ByteBackend {
    void move(const Op& op, Done& done) noexcept override {
      Bytes bytes = gather(op.source);
      done.bytes = bytes.size();
      bytes.resize(bytes.size() / 2);
      scatter(op.destination, bytes);
    }
  };
  must_fail<Mutant>("outcome of copy");
}

TEST_CASE("check 35: success on failure is found where failures can be provoked") {
  struct Mutant final : WrappedBackend {
    using WrappedBackend::WrappedBackend;
    Reaped reap(std::span<Done> done) noexcept override {
      const Reaped reaped = WrappedBackend::reap(done);
      for (Done& one : done.first(reaped.count)) one.error = 0;
      return reaped;
    }
  };
  FaultCounters counters;
  const FaultPlan plan = parse_fault("write-error:every=3").plan;
  conformance::Subject subject = subject_of<ByteBackend>();
  const auto failing = [&] {
    return make_fault_backend(std::make_unique<ByteBackend>(), plan, counters);
  };
  subject.make_failing = failing;
  const conformance::Report honest = conformance::run(subject, few_rounds());
  CHECK_MESSAGE(honest.passed(), honest.text());
  CHECK(honest.find("failures say where and how far")->verdict == conformance::Verdict::passed);
  subject.make_failing = [&] { return std::make_unique<Mutant>(failing()); };
  must_fail(subject, "failures say where and how far");
}

// The copy back-end with one word of its reports changed.
template <Operation kOperation, class Change>
conformance::Subject changed(Change change) {
  struct Mutant final : WrappedBackend {
    explicit Mutant(Change how) : WrappedBackend(make_copy_backend()), change_(how) {}
    unsigned start(std::span<const Op> ops) noexcept override {
      if (ops.empty()) return 0;
      Op op = ops.front();
      if (op.operation == kOperation) change_(op);
      return WrappedBackend::start({&op, 1});
    }
    Change change_;
  };
  return {.make = [=] { return std::make_unique<Mutant>(change); }};
}

TEST_CASE("check 35: checksums without their seed, and fills with another pattern, are found") {
  must_fail(changed<Operation::crc32c>([](Op& op) { op.seed = 0; }), "outcome of crc32c");
  must_fail(changed<Operation::copy_crc32c>([](Op& op) { op.seed ^= 1; }),
            "outcome of copy_crc32c");
  must_fail(changed<Operation::copy_crc32c>([](Op& op) { op.operation = Operation::copy; }),
            "outcome of copy_crc32c");
  must_fail(changed<Operation::fill>([](Op& op) { op.pattern_bytes = 1; }), "outcome of fill");
  must_fail(changed<Operation::fill>([](Op& op) { op.pattern ^= 1; }), "outcome of fill");
  must_fail(changed<Operation::compare>([](Op& op) { op.operation = Operation::crc32c; }),
            "outcome of compare");
}

TEST_CASE("check 35: a compare that is one byte off is found") {
  struct Mutant final : WrappedBackend {
    Mutant() : WrappedBackend(make_copy_backend()) {}
    Reaped reap(std::span<Done> done) noexcept override {
      const Reaped reaped = WrappedBackend::reap(done);
      for (Done& one : done.first(reaped.count)) one.bytes += one.value == 1 ? 1 : 0;
      return reaped;
    }
  };
  must_fail<Mutant>("the bytes reported are those done");
}

TEST_CASE("check 35: each corruption and false success by the fault back-end is found") {
  FaultCounters counters;
  for (const char* const operation : {"copy", "fill", "crc32c", "copy_crc32c", "compare"}) {
    for (const char* const kind : {":every=20:corrupt", ":every=3:false-success"}) {
      const FaultPlan plan = parse_fault(std::string(operation) + kind).plan;
      must_fail({.make = [&] { return make_fault_backend(make_copy_backend(), plan, counters); }},
                std::string("outcome of ") + operation);
    }
  }
}

}  // namespace
}  // namespace bellpull::engine::test
