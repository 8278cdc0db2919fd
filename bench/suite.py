# SPDX-License-Identifier: BSD-2-Clause
"""What every suite does around its measuring: facts of the machine, raw results, end by signal."""
import json
import os
import signal
import subprocess
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asked for the end."""


def on_signal(number, _frame):
    # Only once: a second Ctrl-C must not interrupt the cleaning up after the first.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(signal.Signals(number).name)


def catch_signals():
    for each in SIGNALS:
        signal.signal(each, on_signal)


def compiler_of(programs, language):
    """First line of what the compiler of that build directory says of itself."""
    for directory in (Path(programs), *Path(programs).parents):
        cache = directory / "CMakeCache.txt"
        if not cache.exists():
            continue
        for line in cache.read_text().splitlines():
            if line.startswith(f"CMAKE_{language}_COMPILER:"):
                asked = subprocess.run([line.partition("=")[2], "--version"], text=True,
                                       capture_output=True, check=False)
                return (asked.stdout.splitlines() or ["compiler unknown"])[0]
    return "compiler unknown"


def commit():
    """The commit of the checkout that this file is in, or 'unknown'; '-dirty' if it was changed."""
    answer = subprocess.run(["git", "-C", str(Path(__file__).parent), "describe", "--always",
                             "--dirty"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def host_facts(programs, language="C"):
    models = [line.partition(":")[2].strip() for line in
              Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {"cpu": f"{models[0] if models else 'CPU unknown'}, {os.cpu_count()} cores",
            "kernel": os.uname().release, "compiler": compiler_of(programs, language),
            "commit": commit(),
            "load_average": float(Path("/proc/loadavg").read_text().split()[0])}


def lined(document):
    """JSON with a line for each entry of a list, so that thousands of samples can be read and
    compared."""
    def entry(value):
        if not isinstance(value, list) or not value:
            return json.dumps(value)
        return "[\n" + ",\n".join(f"  {json.dumps(each)}" for each in value) + "\n ]"
    return "{\n" + ",\n".join(f" {json.dumps(key)}: {entry(value)}"
                              for key, value in document.items()) + "\n}\n"


def save(directory, name, document):
    """Writes `name`.json into `directory`, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"{name}.json"
    unfinished = target.with_suffix(".tmp")
    unfinished.write_text(lined(document))
    unfinished.replace(target)
    print(f"# raw figures: {target}")
