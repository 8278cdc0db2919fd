// SPDX-License-Identifier: BSD-2-Clause
#include "dmatest_command_line.hpp"

#include "help.hpp"

namespace bellpull::tools::dmatest {

namespace {

constexpr const char* kFooter =
    R"(Each transfer has its own random bytes, lengths of every magnitude, and segments at random
addresses with guard bytes around each. When it is over every byte is looked at: the source
is as it was, the destination is what it has to be, the guards stand, checksums equal those
of a slow reference, and compare has found the first byte that differs. What a transfer is
depends on the seed, its thread and its iteration alone: the digest tells two runs apart.

latency                   from submit to the poll that pulled the completion; the client looks
                          at other transfers meanwhile, unless --no-verify
idle gap                  from the end of a transfer on the back-end to the begin of the next,
                          when that one had been issued before the end; taken by a wrapper around
                          the back-end, which asks for one transfer at a time. A driven engine
                          also idles while its thread fills and verifies.
at work                   the time that the back-end has been inside of its own code

Quantiles are at most 1/64 above the truth and never below.

A plan of faults has rules with ; between them, each with : between its words: a kind, which
operations (all), every=N, offset=N, chance=N (in a million), limit=N, side=source or
destination, segment=N, reaps=N, errno=N; a rule seed=N is of what is left to chance. With
read-error, write-error and timeout as many transfers have to fail, having done what they say
and nothing else; late only delays; reports that are a duplicate or have a garbage-id must be
refused; corrupt, false-success and stuck must be found, with exit status 1.

examples:
  bellpull dmatest --engine thread --iterations 100000
  bellpull dmatest --ops copy --size 4k --depth 64 --no-verify --duration 10
  bellpull dmatest --fault 'every=100:read-error;every=1000:late' --duration 10

SIGINT or SIGTERM ends it, with the report so far. Exit status: 0 when all that was done is in
order, 1 when a transfer went wrong, failed or got stuck, with what it takes to do it again, 2
when it was asked for something that cannot be.
)";

void add_options(CLI::App& command, Words& words) {
  command.add_option("--backend", words.backend, "what moves the bytes: copy (default copy)")
      ->type_name("BACKEND");
  command
      .add_option("--ops", words.ops,
                  "operations, such as copy,fill: nop, copy, fill, crc32c,\n"
                  "copy_crc32c, compare; all: what the back-end can do\n"
                  "(default all)")
      ->type_name("LIST");
  command
      .add_option("--engine", words.engine,
                  "driven: on the thread that submits; thread: on one of its\n"
                  "own (default driven)")
      ->type_name("ENGINE");
  command.add_option("--layout", words.layout, "of the rings: split or packed (default split)")
      ->type_name("LAYOUT");
  command
      .add_option("--threads", words.threads,
                  "1 to 64, each with a channel and an engine of its own\n"
                  "(default 1)")
      ->type_name("N");
  command
      .add_option("--depth", words.depth,
                  "most transfers in flight per thread, 1 to 4096 (default 16)")
      ->type_name("N");
  command
      .add_option("--size", words.size,
                  "bytes of a transfer, 1 to 1G; k, M and G are powers of 1024\n"
                  "(default 1-64k)")
      ->type_name("MIN[-MAX]");
  command.add_option("--segments", words.segments, "most segments in a list, 1 to 64 (default 8)")
      ->type_name("N");
  command
      .add_option("--iterations", words.iterations,
                  "end after so many transfers per thread (default 10000,\n"
                  "or no end with --duration)")
      ->type_name("N");
  command.add_option("--duration", words.duration, "end after so long; decimals will do")
      ->type_name("SECONDS");
  command.add_option("--seed", words.seed, "of all that is random (default 1)")->type_name("N");
  command
      .add_option("--timeout", words.timeout, "stuck when no transfer ends for so long (default 5)")
      ->type_name("SECONDS");
  command
      .add_option("--fault", words.fault,
                  "faults put into the back-end, as in\n"
                  "copy:every=7:write-error:segment=1; see below")
      ->type_name("PLAN");
  command.add_flag("--no-verify", words.no_verify, "only measure: nothing is filled and looked at");
  command.add_option("--format", words.format, "table or json (default table)")
      ->type_name("FORMAT");
}

}  // namespace

CLI::App& add_command(CLI::App& app, Words& words) {
  CLI::App& command = new_command(
      app, "dmatest",
      "bellpull dmatest [options]\n\nExercise a DMA back-end and verify every byte.", kFooter);
  add_options(command, words);
  return command;
}

}  // namespace bellpull::tools::dmatest
