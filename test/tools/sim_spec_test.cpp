// SPDX-License-Identifier: BSD-2-Clause
#include "sim_spec.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <system_error>

#include "error.hpp"

using namespace bellpull;
using netdrv::Arrivals;
using tools::parse_sim;
using tools::UsageError;

namespace {

std::string refusal_of(const std::string& text) {
  try {
    static_cast<void>(parse_sim(text));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "it was taken";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A file with that text, for the life of the object.
class TraceFile {
 public:
  explicit TraceFile(const std::string& text) {
    ::close(::mkstemp(path_.data()));
    std::ofstream(path_) << text;
  }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  ~TraceFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] std::string port() const { return "sim:arrivals=trace,trace=" + path_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/bellpull-trace.XXXXXX";
};

}  // namespace

TEST_CASE("a bare simulated port is the device's own defaults, without a name") {
  const netdrv::SimOptions defaults;
  const netdrv::SimOptions options = parse_sim("sim").options;
  CHECK(options.name.empty());
  CHECK(options.arrivals == defaults.arrivals);
  CHECK(options.rate == defaults.rate);
  CHECK(options.sizes == defaults.sizes);
  CHECK(options.ring == defaults.ring);
  CHECK(options.frames == 0);
}

TEST_CASE("every key of a simulated port is read") {
  const auto bursts =
      parse_sim(
          "sim:name=left,rate=1.5M,arrivals=bursts,burst=8,size=60/1514/9014,flows=7,"
          "frames=1000,ring=64,mtu=9000")
          .options;
  CHECK(bursts.name == "left");
  CHECK(bursts.rate == 1'500'000);
  CHECK(bursts.arrivals == Arrivals::bursts);
  CHECK(bursts.burst == 8);
  CHECK(bursts.sizes == std::vector<std::uint32_t>{60, 1514, 9014});
  CHECK(bursts.flows == 7);
  CHECK(bursts.frames == 1000);
  CHECK(bursts.ring == 64);
  CHECK(bursts.mtu == 9000);
  const auto square = parse_sim("sim:arrivals=square,wave=500us,low=0.25").options;
  CHECK(square.arrivals == Arrivals::square);
  CHECK(square.wave_ns == 500'000);
  CHECK(square.low_share == 0.25);
  const auto poisson = parse_sim("sim:arrivals=poisson,seed=9").options;
  CHECK(poisson.arrivals == Arrivals::poisson);
  CHECK(poisson.seed == 9);
  CHECK(parse_sim("sim:arrivals=fixed").options.arrivals == Arrivals::fixed);
}

TEST_CASE("a trace is read and starts again a mean gap after its end") {
  const TraceFile file("0\n100\n100\n400\n");
  const auto options = parse_sim(file.port()).options;
  CHECK(options.arrivals == Arrivals::trace);
  CHECK(options.trace == std::vector<std::uint64_t>{0, 100, 100, 400});
  CHECK(options.trace_period_ns == 533);
  const TraceFile single("7");
  CHECK(parse_sim(single.port()).options.trace_period_ns == 8);
}

TEST_CASE("a trace that is not one number per line, in order, is refused with the line") {
  for (const char* bad :
       {"1\n\n2\n", "1\n 2\n", "1\n2 \n", "1\n2\r\n", "1\n-2\n", "1\n2.0\n", "1\nx\n", "1\n# 2\n",
        "1\n1000000000000000\n", "1\n99999999999999999999\n"}) {
    CAPTURE(bad);
    const TraceFile file(bad);
    CHECK(contains(refusal_of(file.port()), file.path() + ", line 2: '"));
  }
  CHECK(
      contains(refusal_of(TraceFile("5\n6\n4\n").port()), "line 3: '4' is before the line above"));
  CHECK(contains(refusal_of(TraceFile("").port()), "is empty"));
  CHECK_THROWS_AS(static_cast<void>(parse_sim("sim:arrivals=trace,trace=/nonexistent")),
                  std::system_error);
  CHECK_THROWS_AS(static_cast<void>(parse_sim("sim:arrivals=trace,trace=/")), std::system_error);
  CHECK(contains(refusal_of("sim:arrivals=trace,trace=/dev/zero"), "more than 67108864 bytes"));
}

TEST_CASE("a key of a simulated port that is wrong is refused in one line by name") {
  for (const char* key : {"colour=red",
                          "=1",
                          "rate",
                          "rate=",
                          "RATE=1",
                          "rate=1,rate=2",
                          "rate=0",
                          "rate=2G",
                          "rate=fast",
                          "rate=0.0001",
                          "arrivals=sometimes",
                          "arrivals=bursts,burst=0",
                          "arrivals=bursts,burst=65537",
                          "arrivals=square,wave=999ns",
                          "arrivals=square,wave=2000s",
                          "arrivals=square,low=1.5",
                          "arrivals=square,wave=1s,rate=1G",
                          "size=59",
                          "size=1515",
                          "size=60/",
                          "size=/60",
                          "size=60,mtu=45",
                          "mtu=9001",
                          "flows=0",
                          "flows=65537",
                          "frames=-1",
                          "ring=0",
                          "ring=32769",
                          "seed=x",
                          "name=a:b",
                          "name=a b",
                          "name=abcdefghijklmnop",
                          ""}) {
    CAPTURE(key);
    const std::string refusal = refusal_of(std::string("sim:") + key);
    CHECK(refusal.starts_with(std::string("port sim:") + key + ": "));
    CHECK_FALSE(contains(refusal, "\n"));
  }
  CHECK(contains(refusal_of("sim,rate=1"), "write sim:KEY=VALUE"));
}

TEST_CASE("a key that means nothing with those arrivals is refused") {
  for (const char* key : {"burst=2", "wave=1", "low=0", "seed=1", "burst=2,arrivals=poisson",
                          "seed=1,arrivals=square"}) {
    CAPTURE(key);
    CHECK(contains(refusal_of(std::string("sim:") + key), " means nothing without arrivals="));
  }
  CHECK(contains(refusal_of("sim:arrivals=trace"), "add trace=FILE"));
  const TraceFile file("1\n");
  CHECK(contains(refusal_of("sim:trace=" + file.path()), "trace means nothing without"));
  CHECK(contains(refusal_of(file.port() + ",rate=1"), "rate means nothing with arrivals=trace"));
}
