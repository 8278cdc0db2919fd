// SPDX-License-Identifier: BSD-2-Clause
#include "command_line.hpp"

#include "help.hpp"

namespace bellpull::tools::compare {

namespace {

constexpr const char* kFooter =
    R"(A simulated device delivers frames on its own schedule (Poisson), whatever becomes of them;
those that meet no buffer are lost. First it is measured how many frames per second the
application gets through (capacity, style poll); then every style in every mode at every load,
which is a share of that capacity. The points of a repetition are in random order and have the
same arrivals. Style poll is always measured, and once more as a control: what differs between
the two is noise.

Ratios to poll are taken within a repetition, at the same mode and load; reported are medians
and their 95 % bootstrap intervals, which take 6 repetitions. An interval that holds 1 says
that there is no difference. A measurement in which the machine kept the device off its core,
so that more than 1 % of the frames were lost to that, is invalid and left out.

With --ports tap the frames are sent into the kernel's side of one TAP, from the second core and
as the schedule says, and the application sends them on to another; goodput is what left there.
Missed is then what found the first TAP's queue full, and invalid is a measurement in which more
than 1 % of the frames were sent over 1 ms late. The TAPs are in a network namespace that vanishes
with the program; without root it takes a user namespace along.

On simulated ports with --engine thread and --cores two the engine spins on its core, as the device's clock: it
takes all of that core, whatever the style. Style push runs the application there as well,
which is why its loop takes no time. With --cores one the engine sleeps when it can. Latency is
from when a frame was due to its hand-over.

--output writes compare.json (machine, options and every measurement) and the plots
goodput.svg, p99.svg and cpu.svg there.

examples:
  bellpull compare --quick
  bellpull compare --ports tap --quick --output results
  bellpull compare --styles push,poll,virtqueue --modes interrupt --loads 0.5,2
  bellpull compare --engine thread --cores one --output results --format json

SIGINT or SIGTERM ends it, with what was measured so far; the report then says partial. Exit
status: 0 for that and for a whole report, 1 when something failed, 2 when it was asked for
something that cannot be.
)";

void add_options(CLI::App& command, Words& words) {
  command
      .add_option("--styles", words.styles,
                  "completion styles, such as push,poll: push, push-backlog,\n"
                  "push-pause, notify, poll, virtqueue (default all)")
      ->type_name("LIST");
  command.add_option("--modes", words.modes, "of the NIC: interrupt, poll, adaptive (default all)")
      ->type_name("LIST");
  command
      .add_option("--loads", words.loads,
                  "offered, as shares of the capacity, 0.001 to 50\n"
                  "(default 0.1,0.3,1,3,10; with --ports tap 0.1,0.3,0.8,1.2,1.5)")
      ->type_name("LIST");
  command
      .add_option("--ports", words.ports,
                  "what the NIC is attached to: sim, or tap for two TAPs of its\n"
                  "own (default sim)")
      ->type_name("PORTS");
  command
      .add_option("--engine", words.engine,
                  "thread: on a thread of its own; driven: in the NIC's loop\n"
                  "(default thread, with --ports tap driven)")
      ->type_name("ENGINE");
  command
      .add_option("--cores", words.cores,
                  "two: one for the loop and one for the engine; one: both on\n"
                  "one (default two with --engine thread, if there are two; with\n"
                  "--ports tap one)")
      ->type_name("CORES");
  command
      .add_option("--work-ns", words.work,
                  "processor time that the application takes per frame, 0 to\n"
                  "1000000 (default 1000)")
      ->type_name("NS");
  command.add_option("--size", words.size, "of a frame, 60 to 1514 (default 60)")
      ->type_name("BYTES");
  command.add_option("--budget", words.budget, "most frames per poll, 1 to 4096 (default 64)")
      ->type_name("FRAMES");
  command
      .add_option("--repetitions", words.repetitions,
                  "of every point, 1 to 100 (default 9, --quick 7)")
      ->type_name("N");
  command
      .add_option("--seconds", words.seconds,
                  "measured per point and repetition, up to 3600 (default 0.5,\n"
                  "--quick 0.06)")
      ->type_name("SECONDS");
  command.add_option("--seed", words.seed, "of the order and the arrivals (default 1)")
      ->type_name("N");
  command.add_flag("--quick", words.quick, "less than 90 seconds in all, unless told otherwise");
  command
      .add_option("--output", words.output,
                  "write raw figures and plots there; made if it is not there")
      ->type_name("DIR");
  command.add_option("--format", words.format, "table or json (default table)")
      ->type_name("FORMAT");
}

}  // namespace

CLI::App& add_command(CLI::App& app, Words& words) {
  CLI::App& command = new_command(
      app, "compare",
      "bellpull compare [options]\n\nThe same NIC and traffic over each completion style.",
      kFooter);
  add_options(command, words);
  return command;
}

}  // namespace bellpull::tools::compare
