#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks docs/conformance.rst against the tests.

Every rule of asyncio that eddy answers for has one row there. A row names tests (file::test, whose
name carries the rule's number), or says "see test_<concept>" where such tests are, or "not
applicable here: why". Fails when a rule has no row, a row no test, a test no place in its rule's
row, or a test doesn't exist.

    check_rules.py SOURCE_ROOT
"""
import pathlib
import re
import sys

RULES = range(1, 267)
TEST = re.compile(r"^(?:\w*TEST\w*\((\w+)[,)]|(?:static )?void (test_\w+)\(void \*\*state\))", re.M)
ROW = re.compile(r"^   \* - (\d+)\n     - (.*?)(?=^   \* - |\Z)", re.M | re.S)


def tests_of(root):
    """file name without .c -> names of its tests"""
    return {path.stem: {a or b for a, b in TEST.findall(path.read_text())}
            for path in sorted(root.glob("tests/**/test_*.c"))}


def problems(rule, text, tests):
    prefix = f"rule_{rule:03d}_"
    named = re.findall(r"(test_\w+)::(\w+)", text)
    for file, test in named:
        if test not in tests.get(file, ()):
            yield f"there is no {file}::{test}"
        elif not test.startswith(prefix):
            yield f"{file}::{test} doesn't carry the rule's number ({prefix}...)"
    found = [f"{file}::{test}" for file, names in tests.items()
             for test in sorted(names) if test.startswith(prefix)]
    see = re.search(r"see (test_\w+)", text)
    for name in found:
        if tuple(name.split("::")) not in named and not (see and name.startswith(see[1])):
            yield f"{name} isn't in its row"
    if see:
        if not any(name.startswith(see[1]) for name in found):
            yield f"{see[1]} has no {prefix}..." + "".join(f", but there is {n}" for n in found)
    elif not named and not re.search(r"not applicable here: \w+", text):
        yield 'names no test and doesn\'t say "not applicable here: why"'


def main():
    root = pathlib.Path(sys.argv[1])
    rows = ROW.findall((root / "docs/conformance.rst").read_text())
    tests = tests_of(root)
    numbers = [int(number) for number, _ in rows]
    wrong = [f"rule {rule}: has no row" for rule in RULES if rule not in numbers]
    wrong += [f"rule {n}: has two rows" for n in sorted({n for n in numbers if numbers.count(n) > 1})]
    for number, text in rows:
        wrong += [f"rule {number}: {one}" for one in problems(int(number), text, tests)]
    for line in wrong:
        print(line)
    print(f"{len(rows)} rules, {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
