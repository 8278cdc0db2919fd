// SPDX-License-Identifier: BSD-2-Clause
#include "run_command_line.hpp"

#include "help.hpp"

namespace bellpull::tools {

namespace {

constexpr const char* kRunFooter =
    R"(PORT is tap:NAME[,key=value...], a TAP interface of that name. It is made if it is not
there, brought up, and goes away at the end if it was made. Keys, for the kernel's side of it:
  ip=CIDR                   give it this address (IPv4 or IPv6; repeatable)
  mtu=BYTES                 68 to 65521
  mac=MAC                   its Ethernet address
  netns=NAME                make it in this network namespace; a path works too
  fd=N                      use the TAP that the inherited descriptor N is attached to;
                            NAME may be empty
  offload=auto|off|F+F...   checksums and superframes: csum, tso4, tso6, uso

PORT is also sim[:key=value,...], a simulated NIC that needs no privilege. Frames arrive by a
schedule, however late whoever takes them is, and are lost when there is no buffer; each says
when it was scheduled, and what is sent is checked to the last bit. Keys:
  rate=FRAMES               per second on average; 1.5M is 1500k (default 100k)
  arrivals=KIND             fixed; poisson: at random; bursts; square: half of each wave at a
                            high rate, half at a low one; trace (default fixed)
  burst=FRAMES              bursts: 1 to 65536 at one moment (default 32)
  wave=TIME                 square: ms, or with s, ms, us or ns behind it (default 10)
  low=SHARE                 square: the low rate as a share of the high one (default 0)
  trace=FILE                trace: a number of ns on each line, from the start; it is played
                            again and again
  seed=N                    poisson: of what is random (default 1)
  size=BYTES[/BYTES...]     of the frames in turn, 60 to mtu + 14 (default 60)
  flows=N                   frames go to so many flows in turn (default 1)
  frames=N                  the last arrival has this number (default 0: there is no last)
  ring=N                    buffers that it holds, 1 to 32768 (default 256)
  mtu=BYTES                 46 to 9000 (default 1500)
  name=NAME                 in the statistics (default sim0, sim1 ...)

SPEC is NAME:PLAN, the name of a port (NAME@NETNS if there are several) and what is to go wrong
with its frames: rules with ; between them, each with : between its words. One word is the kind:
  errno=NAME                the read or write fails with it; with EAGAIN it is tried again
  drop, duplicate           the frame is lost without a word; comes twice
  truncate, short           it loses its end; a read returns not even its Ethernet header
  corrupt[=header]          a bit of it, or of its virtio-net header, is flipped
  reorder[=FRAMES]          so many overtake it (default 1), or 10 ms go by
  delay=MICROSECONDS        it comes later
and others say to which frames: rx or tx (both), gso (those with a GSO type), every=N, offset=N,
chance=N (in a million), limit=N. The first rule that hits a frame has it. A rule seed=N is of
what is left to chance: the same frames meet the same faults again.

--capture is FILE[,key=value...]. Nanoseconds, directions, and in comments why frames were dropped;
a file that is too slow misses frames, and the NIC does not wait for it. Keys:
  port=NAME                 only of this port
  dir=KIND[/KIND...]        only these: in, out as the device is handed them, drop
  snap=BYTES                of each frame at most, 1 to 262144 (default: all)
  filter=EXPRESSION         of libpcap, such as icmp or tcp[13] & 2 != 0; the last key

examples:
  bellpull run tap:bp0,ip=10.99.0.1/24 --app respond --address 10.99.0.2/24
  bellpull run tap:bp0,netns=left tap:bp1,netns=right --app patch --duration 10
  bellpull run sim:rate=500k,arrivals=poisson --app reflect --style push --duration 2
  bellpull run tap:bp0 tap:bp1 --app patch --fault 'bp0:rx:drop:every=100;rx:reorder:every=7' \
    --fault 'bp1:tx:errno=ENOBUFS:chance=10000;seed=7'
  bellpull run tap:bp0 --app discard --capture bp0.pcapng,snap=96,filter=udp port 7

It is ready when it says so on standard error. SIGINT or SIGTERM ends it: it drains, removes
what it made, and prints its statistics. Exit status: 0 for that, 1 when something failed, 2
when it was asked for something that cannot be.
)";

void add_run_options(CLI::App& command, RunWords& words) {
  command.add_option("PORT", words.ports, "what the NIC is attached to; see below")
      ->type_name("PORT...");
  command
      .add_option("--app", words.app,
                  "respond: answer ARP, ping, neighbour solicitation and UDP echo\n"
                  "patch: join two ports; reflect: send frames back with their\n"
                  "addresses swapped; discard: take frames and do nothing.\n"
                  "Default: respond if there is an --address")
      ->type_name("APP");
  command.add_option("--address", words.addresses, "an address to respond for; repeatable")
      ->type_name("CIDR")
      ->allow_extra_args(false);
  command
      .add_option("--mac", words.mac,
                  "Ethernet address to respond from. Default: one computed from\n"
                  "the first port's name and the first --address")
      ->type_name("MAC");
  command
      .add_option("--mode", words.mode,
                  "interrupt: sleep when there is nothing to do; poll: never\n"
                  "sleep; adaptive: poll under load, else sleep (default\n"
                  "interrupt)")
      ->type_name("MODE");
  command
      .add_option("--style", words.style,
                  "how a port learns that transfers are done (default poll):\n"
                  "push: a callback for each; push-backlog: the same into a queue\n"
                  "that is polled; push-pause: the same, paused when it is full;\n"
                  "notify: a bell, then callbacks from the poll; poll: a bell,\n"
                  "then they are pulled; virtqueue: a bell, then the used ring")
      ->type_name("STYLE");
  command
      .add_option("--io", words.io,
                  "how a TAP's frames are moved: syscall: a call for each; uring:\n"
                  "one for a batch, or syscall where there is no io_uring\n"
                  "(default syscall)")
      ->type_name("IO");
  command
      .add_option("--engine", words.engine,
                  "driven: in the NIC's loop; thread: on a thread of its own\n"
                  "(default driven)")
      ->type_name("ENGINE");
  command.add_option("--budget", words.budget, "most frames per poll, 1 to 4096 (default 64)")
      ->type_name("FRAMES");
  command
      .add_option("--rx-ring", words.rx_ring,
                  "receive buffers posted per port, a power of two up to 8192\n"
                  "(default 256); superframes go round in fewer of them")
      ->type_name("FRAMES");
  command
      .add_option("--tx-ring", words.tx_ring,
                  "frames that can wait for sending per port, a power of two up\n"
                  "to 8192 (default 256)")
      ->type_name("FRAMES");
  command
      .add_option("--backlog", words.backlog,
                  "frames that can wait in the queue of push-backlog, 1 to 65536\n"
                  "(default 1024)")
      ->type_name("FRAMES");
  command
      .add_option("--latency", words.latency,
                  "measure the latency of one of so many frames that carry the\n"
                  "time they were scheduled, as those of sim do; 0: of none\n"
                  "(default 16 if there is a sim port, else 0)")
      ->type_name("FRAMES");
  command.add_option("--duration", words.duration, "end after so long; decimals will do")
      ->type_name("SECONDS");
  command
      .add_option("--format", words.format,
                  "of the statistics: table, json or prometheus (default table)")
      ->type_name("FORMAT");
  command
      .add_option("--stats-file", words.stats_file,
                  "write the statistics there as well; - is standard output\n"
                  "alone (default -)")
      ->type_name("PATH");
  command
      .add_option("--control", words.control,
                  "make a UNIX socket there, where `bellpull set` changes settings\n"
                  "while it runs; for its owner only")
      ->type_name("PATH");
  command
      .add_option("--fault", words.faults,
                  "let frames of a port go wrong as planned, as in\n"
                  "bp0:rx:drop:every=100; repeatable; see below")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  command
      .add_option("--capture", words.capture,
                  "write what the ports receive, send and drop there, as pcapng;\n"
                  "see below")
      ->type_name("FILE");
  command
      .add_option("--privileges", words.privileges,
                  "drop: once it has started it has no capability, not even as\n"
                  "root; keep: it keeps what it was started with (default drop)")
      ->type_name("WHAT");
  command
      .add_option("--seccomp", words.seccomp,
                  "on: once it has started it makes no system calls but those it\n"
                  "needs; off: nobody looks (default on)")
      ->type_name("WHAT");
}

}  // namespace

CLI::App& add_run_command(CLI::App& app, RunWords& words) {
  CLI::App& command =
      new_command(app, "run", "bellpull run PORT... [options]\n\nRun the virtual NIC.", kRunFooter);
  add_run_options(command, words);
  return command;
}

}  // namespace bellpull::tools
