# SPDX-License-Identifier: BSD-2-Clause
"""A load that others on the machine disturbed is run again."""
import os
import resource
import time
from pathlib import Path

# How much of a core other people may use during a load before it is run again. What is measured
# is never looked at for that, so it does not favour a result.
FOREIGN_CORES = 0.10
QUIET_PAUSE_S = 2.0


def machine_busy():
    """Seconds that all cores together were not idle."""
    fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def our_cpu():
    """CPU seconds of this script and of every child that has ended."""
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def undisturbed(run, attempts):
    """Runs a load until it was disturbed by nobody else on the machine, a few times at most."""
    for attempt in range(1, attempts + 1):
        began, busy, ours = time.monotonic(), machine_busy(), our_cpu()
        result = run()
        ours = our_cpu() - ours + result["cpu_ns"] / 1e9
        cores = max(0.0, machine_busy() - busy - ours) / (time.monotonic() - began)
        if cores <= FOREIGN_CORES or attempt == attempts:
            result.update(foreign_cores=round(cores, 3), attempts=attempt,
                          disturbed=cores > FOREIGN_CORES)
            return result
        time.sleep(QUIET_PAUSE_S)
