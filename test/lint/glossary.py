#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks that the engine's words mean the same in its headers and in its pages.

Each word of src/engine/glossary.md is explained once and used, what it is never called is said
nowhere, and the page that says what the engine is for is linked before all others. First shows that
each of these rules catches a breach of it.
Exit 0: nothing is wrong; 1: something is; 2: wrong usage.
"""
import re
import sys
from pathlib import Path

ENGINE = "src/engine"
GLOSSARY = f"{ENGINE}/glossary.md"
PURPOSE = f"{ENGINE}/purpose.md"
README = f"{ENGINE}/README.md"
MOST_LINES = 60  # of a page
# The three words that everybody confuses.
MUST_EXPLAIN = {"burst", "chunk", "transfer", "segment", "portion", "part", "batch"}


def read_tree(root):
    """The pages and the public headers of the engine: their text by name."""
    names = [GLOSSARY, PURPOSE, README]
    names += sorted(str(path.relative_to(root))
                    for path in (root / ENGINE / "include").rglob("*.hpp"))
    return {name: (root / name).read_text(encoding="utf-8") for name in names}


def read_glossary(text):
    """Each word with what it means and what it is never called, in the order of the table."""
    rows = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.strip("|").split("|")]
        if not line.startswith("|") or len(fields) != 3 or set(fields[0]) <= set("-"):
            continue
        if fields[0] != "word":
            rows.append((fields[0], fields[1], [name.strip() for name in fields[2].split(",")]))
    return rows


def words_of(phrase):
    """A pattern for a word or several, in any number of each and across the ends of lines."""
    return re.compile(r"(?<![\w-])" + r"[\s/*]+".join(map(re.escape, phrase.split())) +
                      r"(?:s|es)?(?![\w-])", re.IGNORECASE)


def faults_of_glossary(tree):
    rows = read_glossary(tree[GLOSSARY])
    words = [word for word, _, _ in rows]
    for word in sorted(MUST_EXPLAIN - set(words)):
        yield f"{GLOSSARY}: does not explain '{word}'; add its row"
    for word in sorted({word for word in words if words.count(word) > 1}):
        yield f"{GLOSSARY}: explains '{word}' more than once; leave one row"
    for word, meaning, never in rows:
        if not meaning or not all(never):
            yield f"{GLOSSARY}: '{word}' lacks a field; fill it"
        stem = re.compile(word.replace("-", "-?"), re.IGNORECASE)
        if not any(stem.search(text) for name, text in tree.items() if name != GLOSSARY):
            yield f"{GLOSSARY}: '{word}' is used nowhere; take its row out"
        for name in never:
            if name in words:
                yield f"{GLOSSARY}: '{word}' is never called '{name}', which is a word of its own"


def faults_of_use(tree):
    for word, _, never in read_glossary(tree[GLOSSARY]):
        for phrase in filter(None, never):
            pattern = words_of(phrase)
            for name, text in tree.items():
                if name == GLOSSARY:
                    continue
                for match in pattern.finditer(text):
                    line = text.count("\n", 0, match.start()) + 1
                    yield f"{name}:{line}: says '{match[0]}'; it is called {word}"


def faults_of_purpose(tree):
    links = re.findall(r"\]\(([^)]+)\)", tree[README])
    if not links or links[0] != "purpose.md":
        yield f"{README}: its first link is not purpose.md, which says what the engine is for"
    for heading in ("## It is for", "## It is not for"):
        if heading not in tree[PURPOSE].splitlines():
            yield f"{PURPOSE}: has no heading '{heading}'"
    if len(tree[PURPOSE].splitlines()) > MOST_LINES:
        yield f"{PURPOSE}: is longer than the {MOST_LINES} lines of a page"


def faults_of(tree):
    return [*faults_of_glossary(tree), *faults_of_use(tree), *faults_of_purpose(tree)]


def breaches(tree):
    """Copies of the tree, each with one breach: what it is, and the copy."""
    header = next(name for name in tree if name.endswith("/backend.hpp"))
    row = "| {} | a thing | nothing else |\n"

    def changed(name, change):
        return {**tree, name: change(tree[name])}

    def add(name, text):
        return changed(name, lambda old: old + text)

    yield "a word that is explained twice", add(GLOSSARY, row.format("burst"))
    yield "a word that nobody uses", add(GLOSSARY, row.format("zeppelin"))
    yield "a word without a meaning", add(GLOSSARY, "| slots |  | x |\n")
    yield "a name that is a word", add(GLOSSARY, "| memory | bytes | segment |\n")
    yield "a word that is missing", changed(
        GLOSSARY, lambda old: re.sub(r"\| burst \|.*\n", "", old))
    yield "another name in a header", add(header, "/// Ends the transaction.\n")
    yield "another name in the README", add(README, "Fragments are collected.\n")
    yield "another name over two lines", add(header, "/// one call per\n/// burst of them\n")
    yield "another name in the first page", add(PURPOSE, "A callback is called.\n")
    yield "a link before the page", changed(README, lambda old: "[x](other.md)\n" + old)
    yield "a page that says one half", changed(
        PURPOSE, lambda old: old.replace("## It is not for", "## Besides"))
    yield "a page that is none", add(PURPOSE, "more\n" * MOST_LINES)


def main():
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / ENGINE).is_dir():
        print(f"usage: {Path(sys.argv[0]).name} ROOT, the top of the source tree", file=sys.stderr)
        return 2
    tree = read_tree(Path(sys.argv[1]))
    faults = faults_of(tree)
    caught = 0
    for what, copy in breaches(tree):
        if set(faults_of(copy)) <= set(faults):
            faults.append(f"the check does not catch {what}")
        caught += 1
    for fault in faults:
        print(fault)
    print(f"{caught} breaches tried, {len(tree)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
