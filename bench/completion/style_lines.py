#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What each completion style costs its author: the lines of code of its driver, and the states and
transitions that the comment at its head says it has, as `from --event--> to`. As Markdown."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STYLES = ROOT / "src/netdrv/styles"
HEADER = ROOT / "src/netdrv/include/bellpull/netdrv/style.hpp"
BASES = ["channel_port", "bell_port", "pushed_port"]

# A literal is kept, so that what looks like a comment inside of it is none.
LITERAL_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
ARROW = re.compile(r"^//\s+([\w ]+?) --(.+?)--> (\w+)", re.MULTILINE)


def code_lines(source):
    """The lines that hold more than blanks and comments."""
    def without(match):
        words = match.group()
        return words if words.startswith('"') else "\n" * words.count("\n")
    return sum(1 for line in LITERAL_OR_COMMENT.sub(without, source).splitlines() if line.strip())


def transitions(source):
    """(from, event, to) of the comment at the head."""
    head = source[:source.find("\n#include")]
    return [match.groups() for match in ARROW.finditer(head)]


def style_names():
    """The words of the styles, in their order."""
    names = re.search(r"kStyleNames = \{([^}]*)\}", HEADER.read_text())
    if not names:
        sys.exit(f"{HEADER}: kStyleNames is not there any more; this script has to follow")
    return re.findall(r'"([^"]+)"', names.group(1))


def bases_of(source):
    """The shared files that a style's source builds on, from the one it names down to the first."""
    for base in reversed(BASES):
        if f'"{base}.hpp"' in source:
            return ", ".join(f"`{name}`" for name in dict.fromkeys([BASES[0], base]))
    return "none"


def row(name):
    source = (STYLES / f"{name.replace('-', '_')}.cpp").read_text()
    moves = transitions(source)
    states = {state for before, _, after in moves for state in (before, after)}
    return (f"| `{name}` | {code_lines(source)} | {bases_of(source)} "
            f"| {len(states) or 'none'} | {len(moves) or 'none'} |")


def main():
    lengths = (f"`{base}` {sum(code_lines((STYLES / (base + end)).read_text()) for end in ('.hpp', '.cpp'))}"
               for base in BASES)
    print("| style | lines of code | and what it shares | states of its own | transitions |")
    print("|---|---|---|---|---|")
    for name in style_names():
        print(row(name))
    print(f"\nLines of what is shared: {', '.join(lengths)}.")


if __name__ == "__main__":
    main()
