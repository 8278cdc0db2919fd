// SPDX-License-Identifier: BSD-2-Clause
#include "cores.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace bellpull::tools::compare {

std::vector<unsigned> allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cores;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

OnCore::OnCore(unsigned core) {
  CPU_ZERO(&before_);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (::sched_getaffinity(0, sizeof before_, &before_) != 0 ||
      ::sched_setaffinity(0, sizeof set, &set) != 0) {
    throw std::system_error(errno, std::generic_category(),
                            "sched_setaffinity: run on core " + std::to_string(core) +
                                " alone (see which there are with `taskset -p $$`)");
  }
}

OnCore::~OnCore() {
  ::sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace bellpull::tools::compare
