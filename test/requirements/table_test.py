#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks the table of requirements: each row is there once, its tests exist, it has a mutant.

Prints a line per fault, then one per open row, and how many rows are in each state.
Exit 0: nothing is wrong; 1: something is; 2: wrong usage.
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import mutants

TABLE = Path(__file__).resolve().parent / "rows.tsv"
COLUMNS = ["id", "requirement", "state", "proof"]
STATES = ["tested", "open", "later", "decided otherwise"]
MOST_DECIDED_OTHERWISE = 10
SKIPPED = 77  # exit status of a program that cannot run here, not even to list its cases


def numbered(series, *spans):
    return [f"{series}{number}" for first, last in spans for number in range(first, last + 1)]


# The rows that there have to be, and those of them that may be left for a later version.
IDS = (numbered("S0.", (1, 19)) + numbered("S1.", (1, 15)) + numbered("S2.", (1, 40)) +
       numbered("S3.", (1, 10)) + numbered("S4.", (1, 12)) + numbered("R", (1, 14)))
MAY_BE_LATER = (["S0.9", "S1.11", "S1.15"] +
                numbered("S2.", (1, 2), (4, 5), (12, 15), (20, 22), (40, 40)))



@dataclass(frozen=True)
class Rules:
    """The rows that a table has to have, and what holds for them."""
    ids: list[str]
    may_be_later: list[str]
    each_has_mutant: bool


RULES = {"requirements": Rules(IDS, MAY_BE_LATER, True),
         "faults": Rules(numbered("F", (1, 40)) + ["C3", "C20", "C33"], [], False)}

# A test of ctest, and perhaps the beginning of the name of one of its doctest cases.
PROOF = re.compile(r'([\w.+-]+)(?::"([^"]+)")?')


class Failure(Exception):
    """Why the check could not be made."""


@dataclass
class Row:
    line: int
    id: str
    requirement: str
    state: str
    proof: str


def read_table(path):
    """The rows of the table, and what is wrong with its form."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Failure(f"cannot read the table {path}: {error}; name one with --table") from error
    rows, faults, header = [], [], None
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("\t")]
        if header is None:
            header = fields
            missing = [column for column in COLUMNS if column not in header]
            if missing:
                raise Failure(f"{path.name}:{number}: the header lacks the column "
                              f"{', '.join(missing)}; write: {' '.join(COLUMNS)}, tabs between")
        elif len(fields) != len(header):
            faults.append(f"{path.name}:{number}: {fields[0]} has {len(fields)} fields where the "
                          f"header has {len(header)} columns; put one tab between two fields")
        else:
            values = dict(zip(header, fields))
            rows.append(Row(number, *(values[column] for column in COLUMNS)))
    return rows, faults


def read_proof(cell):
    """Pairs of a test and the beginning of a case, or None where a whole test is meant."""
    proofs, at = [], 0
    while True:
        match = PROOF.match(cell, at)
        if not match:
            raise ValueError(cell[at:])
        proofs.append((match[1], match[2]))
        at = match.end()
        if at == len(cell):
            return proofs
        if not cell.startswith("; ", at):
            raise ValueError(cell[at:])
        at += len("; ")


class Build:
    """The tests of a build, and the doctest cases of their programs."""

    def __init__(self, ctest, directory):
        try:
            # In a directory of its own: ctest, which may be running this, logs in the other one.
            with tempfile.TemporaryDirectory() as here:
                list_file = Path(here) / "CTestTestfile.cmake"
                list_file.write_text(f"subdirs([==[{directory.resolve()}]==])\n", "utf-8")
                answer = subprocess.run([ctest, "--test-dir", here, "--show-only=json-v1"],
                                        capture_output=True, text=True, check=True)
            self.programs = {test["name"]: test.get("command", [None])[0]
                             for test in json.loads(answer.stdout)["tests"]}
        except (OSError, subprocess.CalledProcessError, ValueError, KeyError) as error:
            raise Failure(f"cannot list the tests of {directory} with {ctest}: {error}; "
                          "configure it: cmake --preset dev") from error
        if not self.programs:
            raise Failure(f"{directory} has no tests; configure it: cmake --preset dev")
        self.directory = directory
        self.listed = {}

    def complaint(self, test, case):
        """What is wrong with a proof, or None."""
        if test not in self.programs:
            return (f"none of the {len(self.programs)} tests of {self.directory} is called "
                    f"'{test}'; type ctest -N there for their names")
        if case is None:
            return None
        try:
            cases = self.cases(test)
        except Failure as failure:
            return str(failure)
        if cases is None or any(name.startswith(case) for name in cases):
            return None
        return (f"none of the {len(cases)} cases of {test} begins with '{case}'; type "
                f"{self.programs[test]} --list-test-cases for their names")

    def cases(self, test):
        """The names of its cases, or None when it cannot run here."""
        if test not in self.listed:
            self.listed[test] = self.list_cases(test, self.programs[test])
        return self.listed[test]

    @staticmethod
    def list_cases(test, program):
        if program is None or not Path(program).is_file():
            raise Failure(f"cannot list the cases of {test}: it is not built; build the target "
                          f"{test.split('.')[-1]}")
        # Others are not run: who knows what they make of the option.
        if b"list-test-cases" not in Path(program).read_bytes():
            raise Failure(f"cannot list the cases of {test}: {program} is no program of doctest "
                          "cases; name the test alone")
        try:
            answer = subprocess.run([program, "--list-test-cases"], capture_output=True, text=True,
                                    timeout=60, check=False)
            if answer.returncode == SKIPPED:
                return None
            answer.check_returncode()
        except (OSError, subprocess.SubprocessError) as error:
            raise Failure(f"cannot list the cases of {test}: {error}; try it by hand") from error
        return [line for line in answer.stdout.splitlines()
                if line and not line.startswith(("[doctest]", "==="))]


def faults_of_ids(rows, ids):
    seen = Counter(row.id for row in rows)
    for name in ids:
        if not seen[name]:
            yield f"{name} is missing; add its row"
    for row in rows:
        if row.id not in ids:
            yield f"line {row.line}: there is no requirement '{row.id}'; correct the id"
    for name, count in seen.items():
        if count > 1:
            yield f"{name} has {count} rows; leave one"


def faults_of_row(row, build, may_be_later, strict):
    if not row.requirement:
        yield "it says nothing; write what the engine has to do"
    if not row.state:
        yield f"it has no state; write one of: {', '.join(STATES)}"
    elif row.state not in STATES:
        yield f"there is no state '{row.state}'; write one of: {', '.join(STATES)}"
    if row.state == "later":
        if row.id not in may_be_later:
            yield f"it cannot wait; of all rows only these can: {', '.join(may_be_later)}"
        if row.proof:
            yield "it waits and has a proof; make it open or tested, or take the proof out"
    if row.state == "decided otherwise" and not row.proof:
        yield "it was decided otherwise without a reason; write that in the column proof"
    if row.state == "tested" and not row.proof:
        yield "it is tested by nothing; name the test in the column proof, or make it open"
    if row.state == "open" and strict:
        yield "it is open, and --strict lets no row be; add a test and name it in its proof"
    if row.state in ("tested", "open") and row.proof:
        try:
            proofs = read_proof(row.proof)
        except ValueError as error:
            yield (f"its proof cannot be read from '{error}' on; write test or "
                   'test:"beginning of a case", and "; " between two')
            return
        for test, case in proofs:
            complaint = build.complaint(test, case)
            if complaint:
                yield complaint


def faults_of_table(rows, rules, folder, build, strict):
    yield from faults_of_ids(rows, rules.ids)
    for row in rows:
        for fault in faults_of_row(row, build, rules.may_be_later, strict):
            yield f"line {row.line}: {row.id}: {fault}"
    otherwise = sum(row.state == "decided otherwise" for row in rows)
    if otherwise > MOST_DECIDED_OTHERWISE:
        yield (f"{otherwise} rows were decided otherwise, and {MOST_DECIDED_OTHERWISE} may be; "
               "decide again")
    tested = [row.id for row in rows if row.state == "tested"]
    yield from mutants.faults_of_mutants(folder, {row.id: row.proof for row in rows}, tested,
                                         rules.each_has_mutant)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strict", action="store_true", help="an open row is a fault")
    parser.add_argument("--table", type=Path, default=TABLE, help="default: rows.tsv beside this")
    parser.add_argument("--mutants", type=Path, default=mutants.FOLDER, help="as for --table")
    parser.add_argument("--rules", choices=RULES, default="requirements",
                        help="which rows it has to have (default: requirements)")
    parser.add_argument("ctest", help="the program ctest")
    parser.add_argument("build", type=Path, help="a build directory of the preset dev")
    return parser.parse_args()


def main():
    args = parse_arguments()
    try:
        rows, faults = read_table(args.table)
        build = Build(args.ctest, args.build)
    except Failure as failure:
        print(f"FAILED: {failure}")
        return 1
    faults += [f"{args.table.name}: {fault}"
               for fault in faults_of_table(rows, RULES[args.rules], args.mutants, build,
                                        args.strict)]
    for fault in faults:
        print(f"FAILED: {fault}")
    for row in (row for row in rows if row.state == "open"):
        shown = f" (in part: {row.proof})" if row.proof else ""
        print(f"open: {row.id}: {row.requirement}{shown}")
    states = Counter(row.state for row in rows)
    print(f"{len(rows)} rows: " + ", ".join(f"{states[state]} {state}" for state in STATES))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
