#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs an example and compares what it prints, to the letter, with a file.

    check_output.py EXPECTED PROGRAM [ARGUMENT...]

The program must end with 0. If there is no file EXPECTED, its output may be anything.
"""
import difflib
import os
import subprocess
import sys


def main():
    expected, command = sys.argv[1], sys.argv[2:]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    output = run.stdout.decode(errors='replace')
    if run.returncode == 77:
        print(output, end='')
        return 77
    if run.returncode != 0:
        print(output, end='')
        print(f'{command[0]}: ended with {run.returncode}', file=sys.stderr)
        return 1
    if not os.path.exists(expected):
        print(output, end='')
        return 0
    with open(expected, encoding='utf-8') as file:
        wanted = file.read()
    if output != wanted:
        sys.stderr.writelines(difflib.unified_diff(
            wanted.splitlines(keepends=True), output.splitlines(keepends=True),
            fromfile='expected', tofile='printed'))
        return 1
    return 0


sys.exit(main())
