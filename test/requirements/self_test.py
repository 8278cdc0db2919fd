#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Shows that table_test.py catches each fault that a table can have, in copies made for that.

Exit 0: it caught them all; 1: it did not; 2: wrong usage.
"""
import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTED = 'engine.stream_contract:"S4.11: a byte stream"'

MUTANT = """
row: {}
why: it says another name
file: LICENSE
find: BSD 2-Clause License
with: MIT License
"""


class Table:
    """A copy of the table and of its mutants that can be spoilt."""

    def __init__(self):
        self.mutants = "\n".join(path.read_text(encoding="utf-8")
                                 for path in sorted((HERE / "mutants").glob("*.txt")))
        lines = (HERE / "rows.tsv").read_text(encoding="utf-8").splitlines()
        self.header, *rows = [line.split("\t") for line in lines if line and line[0] != "#"]
        self.rows = [dict(zip(self.header, fields)) for fields in rows]
        self.tail = []

    def row(self, name):
        return next(row for row in self.rows if row["id"] == name)

    def set(self, name, **fields):
        self.row(name).update(fields)

    def set_all(self, rows, **fields):
        for row in rows:
            row.update(fields)

    def drop(self, name):
        self.rows.remove(self.row(name))

    def add(self, name):
        self.rows.append({**self.row("S0.1"), "id": name})

    def add_mutants(self):
        """One for each row, whatever it breaks."""
        for row in self.rows:
            self.mutants += "\n" + MUTANT.format(row["id"])

    def change_mutants(self, old, new):
        assert old in self.mutants
        self.mutants = self.mutants.replace(old, new, 1)

    def add_column(self, name):
        self.header.append(name)
        self.set_all(self.rows, **{name: "x"})

    def write(self, path, folder):
        folder.mkdir()
        (folder / "all.txt").write_text(self.mutants, "utf-8")
        lines = [self.header] + [[row[name] for name in self.header] for row in self.rows]
        path.write_text("".join("\t".join(line) + "\n" for line in lines + self.tail), "utf-8")


def otherwise(table, count):
    table.set_all(table.rows, state="open", proof="")
    table.set_all(table.rows[:count], state="decided otherwise", proof="a reason")


# What is done to a copy, and what has to be said of it.
SPOILT = [
    (lambda t: t.drop("S2.40"), "S2.40 is missing"),
    (lambda t: t.drop("R14"), "R14 is missing"),
    (lambda t: t.add("S2.41"), "there is no requirement 'S2.41'"),
    (lambda t: t.add("R15"), "there is no requirement 'R15'"),
    (lambda t: t.set("R1", id=""), "there is no requirement ''"),
    (lambda t: t.add("S3.5"), "S3.5 has 2 rows"),
    (lambda t: t.set("S3.5", requirement=""), "S3.5: it says nothing"),
    (lambda t: t.set("S3.5", state=""), "S3.5: it has no state"),
    (lambda t: t.set("S3.5", state="done"), "S3.5: there is no state 'done'"),
    (lambda t: t.set("S3.5", state="later", proof=""), "S3.5: it cannot wait"),
    (lambda t: t.set("R8", state="later", proof=""), "R8: it cannot wait"),
    (lambda t: t.set("S0.9", state="later", proof="layering"), "S0.9: it waits and has a proof"),
    (lambda t: otherwise(t, 11), "11 rows were decided otherwise"),
    (lambda t: t.set("S3.5", state="decided otherwise", proof=""), "S3.5: it was decided"),
    (lambda t: t.set("S3.5", state="tested", proof=""), "S3.5: it is tested by nothing"),
    (lambda t: t.set("S3.5", state="tested", proof="engine.nothing"), "called 'engine.nothing'"),
    (lambda t: t.set("S3.5", state="tested", proof="stream_contract"), "called 'stream_contract'"),
    (lambda t: t.set("S3.5", state="tested", proof=TESTED + "; engine.no"), "called 'engine.no'"),
    (lambda t: t.set("S3.5", state="open", proof="engine.nothing"), "called 'engine.nothing'"),
    (lambda t: t.set("S3.5", state="tested", proof='engine.stream_contract:"no such case"'),
     "begins with 'no such case'"),
    (lambda t: t.set("S3.5", state="tested", proof='engine.stream_contract:"a byte stream carr"'),
     "begins with 'a byte stream carr'"),
    (lambda t: t.set("S3.5", state="tested", proof='layering:"a case"'), "no program of doctest"),
    (lambda t: t.set("S3.5", state="tested", proof='layering:""'), "its proof cannot be read"),
    (lambda t: t.set("S3.5", state="tested", proof="layering, layering"), "read from ', layering'"),
    (lambda t: t.set("S3.5", state="tested", proof="layering; "), "its proof cannot be read"),
    (lambda t: t.tail.append(["R1", "too", "few"]), "R1 has 3 fields"),
    (lambda t: t.tail.append(["R1", "one", "open", "", "more"]), "R1 has 5 fields"),
    (lambda t: t.header.remove("state"), "the header lacks the column state"),
    (lambda t: t.rows.clear(), "S0.1 is missing"),
]
# The same of the mutants.
SPOILT += [
    (lambda t: t.change_mutants("row: S2.3\n", "row: R3\n"), "S2.3 is tested and has no mutant"),
    (lambda t: t.set("S2.40", state="tested", proof=TESTED), "S2.40 is tested and has no mutant"),
    (lambda t: t.change_mutants("row: S2.3\n", "row: S2.41\n"), "there is no row 'S2.41'"),
    (lambda t: t.change_mutants("length > max_length", "length > most"), "0 times in src/engine/s"),
    (lambda t: t.change_mutants("find:     if (length > max_length) {", "find:   if ("),
     "not once"),
    (lambda t: t.change_mutants("file: src/engine/channel.cpp", "file: src/channel.cpp"),
     "cannot read src/channel.cpp"),
    (lambda t: t.change_mutants("with:     if (length >= max", "with:     if (length > max"),
     "it changes nothing"),
    (lambda t: t.change_mutants("why: the longest", "because: the longest"), "is no field"),
    (lambda t: t.change_mutants("why: the longest", "# the longest"), "it lacks why"),
    (lambda t: t.change_mutants("why: the longest", "row: S2.3\nwhy: "), "a second 'row'"),
    (lambda t: t.change_mutants("why: the longest", "by: layering\nwhy: "),
     "'layering' is not in the proof"),
    (lambda t: t.change_mutants("why: the longest", "build: msan\nwhy: "), "no build 'msan'"),
    (lambda t: t.change_mutants("why: the longest", "expect: rain\nwhy: "), "expected as 'rain'"),
]
SPOILT_IF_STRICT = [
    (lambda t: t.set("S3.5", state="open", proof=""), "S3.5: it is open"),
    (lambda t: t.set("S3.5", state="open", proof=TESTED), "S3.5: it is open"),
]
SPOILT_IF_FAULTS = [
    (lambda t: None, "F1 is missing"),
    (lambda t: None, "there is no requirement 'S0.1'"),
]
SOUND = [
    lambda t: None,
    lambda t: otherwise(t, 10),
    lambda t: t.add_column("note"),
    lambda t: t.add_mutants(),
    lambda t: t.set("S3.5", state="tested", proof=f"layering; {TESTED}; engine.kernels"),
    lambda t: t.set("S3.5", state="open", proof=""),
]
def close_all(table):
    for row in table.rows:
        if row["state"] == "open":
            row.update(state="tested", proof=row["proof"] or TESTED)
    table.add_mutants()


SOUND_IF_STRICT = [close_all]


def verdict(edit, options, arguments):
    """What the check says of an edited copy: its exit status and its output."""
    table = Table()
    edit(table)
    with tempfile.TemporaryDirectory() as directory:
        path, folder = Path(directory) / "rows.tsv", Path(directory) / "mutants"
        table.write(path, folder)
        command = [sys.executable, "-B", str(HERE / "table_test.py"), "--table", str(path),
                   "--mutants", str(folder)]
        answer = subprocess.run(command + options + arguments, text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return answer.returncode, answer.stdout


def spoilt_builds(args, directory):
    """Arguments that name no build that could be looked at, and what has to be said of them."""
    nothing = str(directory / "nothing")
    unbuilt = directory / "unbuilt"
    hide_programs = """sed 's/"command"/"was"/'"""
    unbuilt.write_text(f"#!/bin/sh\n'{args.ctest}' \"$@\" | {hide_programs}\n", "utf-8")
    unbuilt.chmod(0o755)
    return [([args.ctest, nothing], f"{nothing} has no tests"),
            ([nothing, args.build], "cannot list the tests"),
            ([shutil.which("true"), args.build], "cannot list the tests"),
            ([str(unbuilt), args.build], "engine.stream_contract: it is not built")]


def faults_in(output):
    return [line for line in output.splitlines() if line.startswith("FAILED: ")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ctest", help="the program ctest")
    parser.add_argument("build", help="a build directory of the preset dev")
    args = parser.parse_args()
    arguments = [args.ctest, args.build]
    wrong = 0
    for edits, options in ((SOUND, []), (SOUND_IF_STRICT, ["--strict"])):
        for number, edit in enumerate(edits):
            status, output = verdict(edit, options, arguments)
            if status != 0 or faults_in(output):
                wrong += 1
                print(f"sound copy {number} {options} was refused, status {status}:\n{output}")
    spoilt = ((SPOILT, []), (SPOILT_IF_STRICT, ["--strict"]),
              (SPOILT_IF_FAULTS, ["--rules", "faults"]))
    for edits, options in spoilt:
        for edit, expected in edits:
            status, output = verdict(edit, options, arguments)
            if status != 1:
                wrong += 1
                print(f"not caught, status {status}: {expected}\n{output}")
            elif not any(expected in fault for fault in faults_in(output)):
                wrong += 1
                print(f"refused for another reason than '{expected}':\n{output}")
    with tempfile.TemporaryDirectory() as directory:
        builds = spoilt_builds(args, Path(directory))
        for arguments, expected in builds:
            status, output = verdict(lambda t: None, [], arguments)
            if status != 1 or not any(expected in fault for fault in faults_in(output)):
                wrong += 1
                print(f"not caught, status {status}: {expected}: {arguments}\n{output}")
    tried = sum(len(edits) for edits, _ in spoilt) + len(builds)
    print(f"{tried} faults tried, "
          f"{len(SOUND) + len(SOUND_IF_STRICT)} sound tables, {wrong} wrong verdicts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
