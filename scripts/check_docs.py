#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that libraries, headers and pages agree.

    check_docs.py SOURCE_ROOT LIBRARY...

Every function that a library exports (without what is marked EDDY_PRIVATE, and without the macros'
own, whose names end in an underscore) is declared in a public header with a page, and every
function declared there is exported. Every public header has docs/<concept>.rst, which takes the
reference from it, shows docs/examples/<concept>.c, and stands in docs/index.rst; every program
there has its output beside it and is run by docs/meson.build.
"""
import pathlib
import re
import subprocess
import sys

import header_to_rst


def exported(library):
    listing = subprocess.run(['nm', '-D', '--defined-only', library], check=True,
                             stdout=subprocess.PIPE, encoding='utf-8').stdout
    names = set()
    for line in listing.splitlines():
        kind, symbol = line.split()[-2:]
        name, _, version = symbol.partition('@')
        if (kind != 'A' and name.startswith('eddy_') and not name.endswith('_') and
                'EDDY_PRIVATE' not in version):
            names.add(name)
    return names


def compare(libraries, headers):
    documented = {item.name: header.name for header in headers.values()
                  for item in header.items() if item.kind == 'function'}
    names = set().union(*map(exported, libraries))
    for name in sorted(names - set(documented)):
        yield f'{name} is exported, and no public header declares it'
    for name in sorted(set(documented) - names):
        yield f'{name} is declared in {documented[name]}.h, and no library exports it'


def pages(root, headers):
    docs = root / 'docs'
    index = (docs / 'index.rst').read_text()
    run = set(re.findall(r"^ +'(\w+)',?$", (docs / 'meson.build').read_text(), re.M))
    for name in headers:
        page = docs / f'{name}.rst'
        text = page.read_text() if page.exists() else ''
        if f'.. header:: {name}\n' not in text:
            yield f'docs/{name}.rst doesn\'t have `.. header:: {name}`'
        if f'.. program-and-output:: examples/{name}\n' not in text:
            yield f'docs/{name}.rst doesn\'t show examples/{name}.c'
        if not re.search(rf'^   {name}$', index, re.M):
            yield f'docs/index.rst doesn\'t name {name}'
    for program in sorted((docs / 'examples').glob('*.c')):
        output = program.with_suffix('.txt')
        if not output.exists() or not output.read_text().strip():
            yield f'docs/examples/{output.name} is missing: what {program.name} prints'
        if program.stem not in run:
            yield f'docs/meson.build doesn\'t run {program.name}'


def main():
    root = pathlib.Path(sys.argv[1])
    headers = header_to_rst.all_headers()
    found = [*compare(sys.argv[2:], headers), *pages(root, headers)]
    for problem in found:
        print(problem)
    if not found:
        count = sum(len(header.items()) for header in headers.values())
        print(f'{len(headers)} headers with {count} names, each on its page')
    return 1 if found else 0


sys.exit(main())
