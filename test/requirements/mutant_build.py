# SPDX-License-Identifier: BSD-2-Clause
"""A build of a copy of the tree, in which single tests and doctest cases are built and run."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SKIPPED = 77
# Seconds that a test may take that took none before, and how many times longer than before it may
# take: a change can make one wait for ever.
SHORTEST_LIMIT, SLACK, LONGEST = 30, 10, 900
OPTIONS = {"": ["-DCMAKE_CXX_FLAGS=-O1 -D_GLIBCXX_ASSERTIONS"],
           "asan": ["-DCMAKE_CXX_FLAGS=-O1 -g1", "-DBELLPULL_SANITIZE=address,undefined"],
           "tsan": ["-DCMAKE_CXX_FLAGS=-O1 -g1", "-DBELLPULL_SANITIZE=thread"]}


class Broken(Exception):
    """Why a build failed."""


@dataclass(frozen=True)
class Proof:
    test: str
    case: str | None

    def __str__(self):
        return f'{self.test}:"{self.case}"' if self.case else self.test

    def filter(self):
        """As doctest has it, for which a comma is between two filters and a ? is any letter."""
        return "--test-case=" + re.sub(r'[,\\"*]', "?", self.case) + "*"


def mirror(source, copy):
    """Makes `copy` the same as `source`, and touches no file that is so already."""
    def ours(directory, names):
        return {name for name in names if name in (".git", "__pycache__")
                or (name == "build" and Path(directory) == source)}

    def take_over(one, other):
        if not (os.path.exists(other) and Path(one).read_bytes() == Path(other).read_bytes()):
            shutil.copy(one, other)  # with a new time
        return other

    shutil.copytree(source, copy, ignore=ours, copy_function=take_over, dirs_exist_ok=True)
    for path in sorted(copy.rglob("*"), reverse=True):
        if path.is_file() and not (source / path.relative_to(copy)).exists():
            path.unlink()


def environment():
    """In which the tests are the short ones, also where this is run among the long ones."""
    return {name: value for name, value in os.environ.items() if name != "BELLPULL_LONG"}


def run_limited(command, limit, cwd):
    """Its exit status, or None when it took longer, and what it printed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", cwd=cwd, env=environment(),
                          process_group=0) as process:
        try:
            output, _ = process.communicate(timeout=limit)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]


class MutantBuild:
    """One build directory. Tests that are programs of this build are built and run case by case;
    others, which are scripts, through ctest and with the targets that a mutant names."""

    def __init__(self, tree, directory, name, jobs):
        self.tree, self.directory, self.name, self.jobs = tree, directory, name, jobs
        self.programs = {}
        self.took = {}

    def configure(self):
        self.call(["cmake", "-S", str(self.tree), "-B", str(self.directory), "-G", "Ninja",
                   "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                   "-DBELLPULL_BENCH=OFF"] + OPTIONS[self.name])
        self.list_tests()

    def list_tests(self):
        listed = self.call(["ctest", "--test-dir", str(self.directory), "--show-only=json-v1"])
        inside = str(self.directory) + os.sep
        for test in json.loads(listed)["tests"]:
            # ctest says nothing of a program that was not built yet; its name will do for that.
            command = test.get("command") or [f"{inside}{test['name'].split('.')[-1]}"]
            program = command[0] if len(command) == 1 and command[0].startswith(inside) else None
            self.programs[test["name"]] = program

    def call(self, command):
        answer = subprocess.run(command, text=True, check=False, capture_output=True,
                                errors="replace", env=environment())
        if answer.returncode != 0:
            lines = (answer.stdout + answer.stderr).splitlines()
            wrong = [line for line in lines if "error" in line] or lines[-5:]
            raise Broken(f"{' '.join(command[:4])}…: " + "\n".join(wrong[:5]))
        return answer.stdout

    def program(self, proof):
        if proof.test not in self.programs:
            raise Broken(f"no test is called '{proof.test}'")
        if proof.case and not self.programs[proof.test]:
            raise Broken(f"{proof.test} is no program of doctest cases")
        return self.programs[proof.test]

    def build(self, proofs, targets=()):
        programs = {os.path.basename(self.program(proof)) for proof in proofs
                    if self.program(proof)}
        wanted = sorted(programs | set(targets))
        if wanted:
            self.call(["cmake", "--build", str(self.directory), f"-j{self.jobs}", "--target"]
                      + wanted)

    def seconds(self, proof):
        return self.took.get(proof, 0) or 0

    def useless(self, proof):
        """Whether it did not pass when nothing was changed."""
        return self.took.get(proof, 0) is None

    def run(self, proof):
        """passed, skipped, or how it failed."""
        program = self.program(proof)
        limit = LONGEST
        if proof in self.took:
            limit = SHORTEST_LIMIT + SLACK * self.seconds(proof)
        if program:
            # The first failure says enough; those that wait for something take long to fail.
            command = [program] + ([proof.filter(), "--abort-after=1"] if proof.case else [])
        else:
            command = ["ctest", "--test-dir", str(self.directory), "--no-tests=error",
                       "--output-on-failure", "-R", f"^{re.escape(proof.test)}$"]
        status, output = run_limited(command, limit, self.directory)
        if status is None:
            return f"still running after {limit:.0f} s"
        if status == SKIPPED or "***Skipped" in output:
            return "skipped"
        if status == 0 and proof.case and re.search(r"test cases: +0 ", output):
            return "has no such case"
        return "passed" if status == 0 else "failed"

    def try_unchanged(self, proofs, targets):
        """Builds and runs all of them; how many do not pass."""
        began = time.monotonic()
        self.build(proofs, targets)
        self.list_tests()  # now with their paths
        built = time.monotonic()
        wrong = 0
        for proof in sorted(proofs, key=str):
            start = time.monotonic()
            answer = self.run(proof)
            self.took[proof] = time.monotonic() - start if answer == "passed" else None
            if answer != "passed":
                print(f"unchanged: {proof} {answer}", flush=True)
                wrong += answer != "skipped"
        print(f"unchanged: {len(proofs)} tests, {wrong} failed, built in {built - began:.0f} s, "
              f"run in {time.monotonic() - built:.0f} s", flush=True)
        return wrong
