// SPDX-License-Identifier: BSD-2-Clause
#include "generate/command_line.hpp"

#include "help.hpp"

namespace bellpull::tools::generate {

namespace {

constexpr const char* kFooter =
    R"(Frames are Ethernet, IPv4 and UDP to port 7, with right checksums. Each says its flow, its
number within the flow, from 0 up, and when it was scheduled; the rest is a pattern. What is sent
into a TAP is what its reader receives. At the other end, where the frames arrive in the end:

  bellpull generate IFACE --receive

checks every byte, and counts what is lost, reordered, duplicated and corrupt. It has to be ready
before the first frame is sent, and lives for one run of the sender: with a second one all numbers
come again. What was lost behind the last frame that arrived shows with --expect only.

Paced frames go out in bursts, and all of a burst say when it was due: the latency has what a
late sender adds, too. When the sender is more than 2 ms late it moves its schedule (stalls).
With --rate 0, and in the first burst, each frame says when it was written.

xdp      an XDP program writes the frames and redirects them, more than a million per second. It
         takes a processor of its own all the time, needs root, and an interface whose driver
         takes redirected frames: TAP does, veth when its peer has GRO. Frames have up to 3392
         bytes. Drops are counted at a tracepoint.
packet   a packet socket, some hundred thousand per second.

attempted = sent + dropped: what the interface took, and what it had no room for.

examples:
  bellpull generate bp0 --rate 100k --duration 10
  bellpull generate bp0 --rate 0 --count 1M --flows 16 --size imix --format json
  bellpull generate bp1 --receive --expect 1000000 --idle 2

SIGINT or SIGTERM ends it, with the statistics so far. Exit status: 0 when frames were sent or
received; 1 when something failed, or when not all arrived that were to be --expected, or some of
them lost, reordered, duplicated or corrupt; 2 when it was asked for something that cannot be.
)";

void add_sender_options(CLI::App& command, Words& words) {
  command
      .add_option("--rate", words.rate,
                  "frames per second; 1.5M is 1500k; 0: as many as there can\n"
                  "be (default 1k)")
      ->type_name("FRAMES");
  command
      .add_option("--burst", words.burst,
                  "frames that go out together, 1 to 65536 (default: 2000\n"
                  "bursts per second, of up to 64)")
      ->type_name("FRAMES");
  command
      .add_option("--size", words.size,
                  "of the frames in turn, 60 to 9014; imix: 60, 590 and 1514,\n"
                  "7 : 4 : 1 (default 60)")
      ->type_name("BYTES[,BYTES...]");
  command
      .add_option("--flows", words.flows,
                  "frames go to so many flows in turn, 1 to 65536 (default 1)")
      ->type_name("N");
  command.add_option("--count", words.count, "end after so many frames")->type_name("FRAMES");
  command.add_option("--via", words.via, "xdp, packet or auto: xdp if it works (default auto)")
      ->type_name("WAY");
  command.add_flag("--qdisc", words.qdisc,
                   "through the queueing discipline of the interface; this is\n"
                   "packet");
  command
      .add_option("--source", words.source,
                  "its Ethernet or IPv4 address, or both with a comma (default\n"
                  "02:00:00:00:00:01,192.0.2.1)")
      ->type_name("MAC[,IP]");
  command.add_option("--destination", words.destination, "(default 02:00:00:00:00:02,192.0.2.2)")
      ->type_name("MAC[,IP]");
}

void add_options(CLI::App& command, Words& words) {
  command.add_option("IFACE", words.interface, "an Ethernet interface of this network namespace")
      ->type_name("IFACE")
      ->required();
  add_sender_options(command, words);
  command.add_flag("--receive", words.receive, "be the other end");
  command
      .add_option("--expect", words.expect,
                  "receiver: end when so many arrived, and find fault with less")
      ->type_name("FRAMES");
  command
      .add_option("--idle", words.idle, "receiver: end when none came for so long, once some did")
      ->type_name("SECONDS");
  command.add_option("--duration", words.duration, "end after so long; decimals will do")
      ->type_name("SECONDS");
  command.add_option("--format", words.format, "table, json or prometheus (default table)")
      ->type_name("FORMAT");
}

}  // namespace

CLI::App& add_command(CLI::App& app, Words& words) {
  CLI::App& command = new_command(
      app, "generate",
      "bellpull generate IFACE [options]\n\nSend frames into an interface at a set rate.", kFooter);
  add_options(command, words);
  return command;
}

}  // namespace bellpull::tools::generate
