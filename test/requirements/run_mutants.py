#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Applies one mutant after the other to a copy of the tree, and expects a test of its row to fail.

Prints a line per mutant. Exit 0: each was caught; 1: one was not, or could not be tried; 2: wrong
usage.
"""
import argparse
import fnmatch
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import mutants as mutants_of
from mutant_build import Broken, MutantBuild, Proof, mirror
from table_test import TABLE, Failure, read_proof, read_table


def proofs_of_rows(table):
    """Row to the tests that have to catch what breaks it, of those rows that are tested."""
    rows, faults = read_table(table)
    if faults:
        raise Failure(faults[0])
    return {row.id: row.proof for row in rows if row.state == "tested"}


def part_of(mutants, shard):
    """The k-th of n parts, each of files that lie together."""
    if not shard:
        return mutants
    number, parts = (int(part) for part in shard.split("/"))
    if not 1 <= number <= parts:
        raise ValueError(shard)
    return mutants[len(mutants) * (number - 1) // parts:len(mutants) * number // parts]


def chosen(args):
    """The mutants that were asked for, file by file, each with the tests that are to catch it."""
    cells = proofs_of_rows(args.table)
    mutants, faults = mutants_of.read_folder(args.mutants)
    if faults:
        raise Failure(faults[0])
    patterns = args.rows.split(",")
    mutants = [mutant for mutant in mutants if mutant.row in cells
               and any(fnmatch.fnmatchcase(mutant.row, pattern) for pattern in patterns)]
    # Header files last: they cost most, and who is interrupted has seen the others.
    mutants.sort(key=lambda mutant: (mutant.build, not mutant.file.endswith(".cpp"), mutant.file))
    mutants = part_of(mutants, args.shard)
    if not mutants:
        raise Failure(f"no row that is tested and has a mutant fits '{args.rows}'")
    return [(mutant, [Proof(*proof) for proof in read_proof(mutant.by or cells[mutant.row])])
            for mutant in mutants]


@contextmanager
def changed(path, text):
    """Has `text` in the file for a while. Its time goes on, or a build would miss the way back."""
    original = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(original, encoding="utf-8")


def verdict(mutant, proofs, build):
    """What becomes of the applied mutant: a word, and more about it."""
    try:
        build.build(proofs, mutant.targets_to_build)
    except Broken as broken:
        # By what a test asserts: a library that does not compile shows nothing.
        if mutant.expect == mutants_of.NO_BUILD and f"{build.tree}/test/" in str(broken):
            return "caught", f"by the build of {proofs[0]}"
        return "BROKEN", f"does not build:\n{broken}"
    if mutant.expect == mutants_of.NO_BUILD:
        return "SURVIVED", "builds all the same"
    tried = [proof for proof in proofs if not build.useless(proof)]
    for proof in sorted(tried, key=build.seconds):
        answer = build.run(proof)
        if answer != "passed":
            return "caught", f"by {proof}" + ("" if answer == "failed" else f" ({answer})")
    if not tried:
        return "NOT TRIED", "none of its tests passes here unchanged"
    return "SURVIVED", "; ".join(str(proof) for proof in tried)


def try_mutant(mutant, proofs, build, tree):
    """Prints the verdict; whether it is as it should be."""
    began = time.monotonic()
    fault = mutants_of.fault_of_place(mutant, tree)
    if fault:
        print(f"{mutant.row} {mutant.place} BROKEN {fault}", flush=True)
        return False
    path = tree / mutant.file
    text = path.read_text(encoding="utf-8")
    with changed(path, mutant.applied(text)):
        word, more = verdict(mutant, proofs, build)
    print(f"{mutant.row} {mutant.file}:{mutant.line_in(text)} {word} {more} "
          f"[{time.monotonic() - began:.0f} s]", flush=True)
    return word in ("caught", "NOT TRIED")


def try_all(selected, tree, work, jobs):
    """How many are not as they should be."""
    wrong = 0
    for name in sorted({mutant.build for mutant, _ in selected}):
        some = [pair for pair in selected if pair[0].build == name]
        build = MutantBuild(tree, work / (name or "plain"), name, jobs)
        build.configure()
        # First nothing is changed, and each of the tests has to pass.
        everything = {proof for _, proofs in some for proof in proofs}
        wrong += build.try_unchanged(everything, {target for mutant, _ in some
                                                  for target in mutant.targets_to_build})
        for mutant, proofs in some:
            wrong += not try_mutant(mutant, proofs, build, tree)
    return wrong


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="*", help="patterns, commas between: S0.*,R7")
    parser.add_argument("--shard", default="", help="k/n: the k-th of n parts")
    parser.add_argument("--jobs", type=int, default=2, help="at a time in a build (default: 2)")
    parser.add_argument("--work", type=Path, help="keeps the copy and its builds there for the "
                        "next time; without it they are temporary")
    parser.add_argument("--table", type=Path, default=TABLE, help="default: rows.tsv beside this")
    parser.add_argument("--mutants", type=Path, default=mutants_of.FOLDER,
                        help="default: the folder mutants beside this")
    return parser.parse_args()


def run_in(work, args):
    began = time.monotonic()
    tree = work / "tree"
    mirror(mutants_of.ROOT, tree)
    selected = chosen(args)
    wrong = try_all(selected, tree, work, args.jobs)
    print(f"{len(selected)} mutants, {wrong} not caught or not tried, "
          f"{time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def main():
    args = parse_arguments()
    try:
        if args.work:
            args.work.mkdir(parents=True, exist_ok=True)
            return run_in(args.work.resolve(), args)
        with tempfile.TemporaryDirectory(prefix="bellpull-mutants-") as directory:
            return run_in(Path(directory), args)
    except (Failure, Broken) as failure:
        print(f"FAILED: {failure}")
        return 1
    except ValueError as error:
        print(f"there is no part '{error}'; write --shard 1/2", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
