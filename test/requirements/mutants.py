# SPDX-License-Identifier: BSD-2-Clause
"""Reads the changes to the sources, of which each breaks one row, and says what is wrong with them.

A file of them is blocks with an empty line between two; README.md has their fields.
"""
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "mutants"
ROOT = HERE.parent.parent
FIELDS = ["row", "why", "file", "find", "with", "by", "build", "targets", "expect"]
NEEDED = ["row", "why", "file", "find"]
LINES = ["find", "with"]  # may be repeated: a line each
BUILDS = ["", "asan", "tsan"]
NO_BUILD = "no build"


@dataclass
class Mutant:
    place: str  # where it is written
    fields: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name):
        return self.fields.get(name, "")

    @property
    def replacement(self):
        return self.fields.get("with", "")

    @property
    def targets_to_build(self):
        return self.targets.split()

    def line_in(self, text):
        """The line of the file at which the change begins."""
        return text[:text.index(self.find)].count("\n") + 1

    def applied(self, text):
        return text.replace(self.find, self.replacement)


def read_file(path):
    """The mutants of one file, and what is wrong with its form."""
    mutants, faults, block = [], [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            block = None
        if not line.strip() or line.startswith("#"):
            continue
        if block is None:
            block = Mutant(f"{path.name}:{number}")
            mutants.append(block)
        # One space behind the colon; those after it belong to the text.
        name, colon, value = line.partition(":")
        value = value[1:] if name in LINES else value.strip()
        if not colon or name not in FIELDS:
            faults.append(f"{path.name}:{number}: '{line}' is no field; write one of: "
                          f"{', '.join(FIELDS)}, a colon and a space before its text")
        elif name not in block.fields:
            block.fields[name] = value
        elif name in LINES:
            block.fields[name] += "\n" + value
        else:
            faults.append(f"{path.name}:{number}: a second '{name}'; put an empty line between "
                          "two mutants")
    return mutants, faults


def read_folder(folder):
    """All mutants, and what is wrong with the form of their files."""
    mutants, faults = [], []
    for path in sorted(folder.glob("*.txt")):
        some, wrong = read_file(path)
        mutants += some
        faults += wrong
    return mutants, faults


def fault_of_place(mutant, root):
    """What keeps the change from being made, or None."""
    try:
        text = (root / mutant.file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        return f"cannot read {mutant.file}: {error}; correct its file"
    count = text.count(mutant.find)
    if count != 1:
        return (f"what it looks for is {count} times in {mutant.file}, not once; follow the "
                "sources, or take in more of a line")
    if mutant.find == mutant.replacement:
        return "it changes nothing; write what is different behind with"
    return None


def faults_of_mutant(mutant, proofs, tested, root):
    missing = [name for name in NEEDED if not mutant.fields.get(name)]
    if missing:
        yield f"it lacks {', '.join(missing)}; write them"
        return
    if mutant.row not in proofs:
        yield f"there is no row '{mutant.row}'; correct the id"
    elif mutant.by and mutant.row in tested and mutant.by not in proofs[mutant.row]:
        yield f"'{mutant.by}' is not in the proof of the row; name one that is, as it is there"
    if mutant.build not in BUILDS:
        yield f"there is no build '{mutant.build}'; write asan or tsan, or leave it out"
    if mutant.expect not in ("", NO_BUILD):
        yield f"nothing is expected as '{mutant.expect}'; write '{NO_BUILD}', or leave it out"
    fault = fault_of_place(mutant, root)
    if fault:
        yield fault


def faults_of_mutants(folder, proofs, tested, each_has_one=True, root=ROOT):
    """`proofs`: row to the cell of its proof; `tested`: rows whose proof has to catch a mutant."""
    mutants, faults = read_folder(folder)
    yield from faults
    for mutant in mutants:
        for fault in faults_of_mutant(mutant, proofs, tested, root):
            yield f"{mutant.place}: {mutant.row}: {fault}"
    have = {mutant.row for mutant in mutants}
    for row in tested:
        if each_has_one and row not in have:
            yield (f"{row} is tested and has no mutant; write into {folder.name} a change that "
                   "breaks it, or make it open")
