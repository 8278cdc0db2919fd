// SPDX-License-Identifier: BSD-2-Clause
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <exception>
#include <new>

#include "commands.hpp"
#include "sink.hpp"

namespace {

// A closed standard descriptor would be handed out to the next file that is opened, and our output
// would end up there. What stands in for it refuses what the real one would be used for.
void occupy_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    [[maybe_unused]] const int stand_in =
        ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace bellpull::tools;
  occupy_standard_descriptors();
  ::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error of write()
  try {
    return execute(argc, argv);
  } catch (const UsageError& error) {
    complain(error.what());
    return kExitUsage;
  } catch (const std::bad_alloc&) {
    complain("out of memory: ask for fewer ports or smaller MTUs");
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return kExitFailure;
}
