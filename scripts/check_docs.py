#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that libraries, headers and pages agree.

    check_docs.py SOURCE_ROOT LIBRARY...

Every function that a library exports (without what is marked EDDY_PRIVATE, and without the macros'
own, whose names end in an underscore) is declared in a public header with a page, and every
function declared there is exported. Every public header has docs/<concept>.rst, which takes the
reference from it, shows docs/examples/<concept>.c, and stands in docs/index.rst; every program
there has its output beside it and is run by docs/meson.build. Every eddy_ name that a page speaks
of is in a header.
"""
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import header_to_rst  # noqa: E402  pylint: disable=wrong-import-position


# What the environment says.
NOT_IN_HEADERS = ('EDDY_CLOCK', 'EDDY_DEBUG', 'EDDY_ENGINE', 'EDDY_FAULT', 'EDDY_MASK',
                  'EDDY_REPLAY', 'EDDY_SWEEP')


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


def values(headers):
    return [item for header in headers.values() for item in header.items()
            if item.kind in ('enum', 'values')]


def pages(root, headers):
    docs = root / 'docs'
    index = (docs / 'index.rst').read_text()
    run = set(re.findall(r"^ +'(\w+)',?$", (docs / 'meson.build').read_text(), re.M))
    for name in headers:
        page = header_to_rst.page(name)
        path = docs / f'{page}.rst'
        text = path.read_text() if path.exists() else ''
        if f'.. header:: {name}\n' not in text:
            yield f'docs/{page}.rst doesn\'t have `.. header:: {name}`'
        if f'.. program-and-output:: examples/{name}\n' not in text:
            yield f'docs/{page}.rst doesn\'t show examples/{name}.c'
        if not re.search(rf'^   {page}$', index, re.M):
            yield f'docs/index.rst doesn\'t name {page}'
    names = {item.name for header in headers.values() for item in header.items()}
    for path in sorted(docs.glob('*.rst')):
        for word in sorted(set(re.findall(r'\b(?:eddy_|EDDY_[A-Z])\w+', path.read_text()))):
            if word not in names and word not in NOT_IN_HEADERS and \
                    not any(word in item.code for item in values(headers)):
                yield f'docs/{path.name} speaks of {word}, which no public header has'
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
