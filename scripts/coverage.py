#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds with gcc's counters, runs the tests, and says which lines of src/ they reach.

    coverage.py BUILD [--report] [--minimum PERCENT]

BUILD is a build directory of its own. The suite runs on every engine and on the simulated system,
and once more as on an old kernel (EDDY_MASK); then each allocation and each engine call of the
suite fails once, since half of all lines are there for that. --report only reads the counters of
the last run.

Printed are lines and branches per file, the files below the minimum, and the lines of the core
that no test reaches; BUILD/index.html has the same with the sources, and docs/coverage-counts.txt
the same for docs/how-it-is-tested.rst, once the tests have passed. The core is src/ without client/,
tls/ and test/. Branches of assert() don't count. The exit status is 1 if the core's lines as a
whole are below the minimum (90 %), or a test failed.
"""
import argparse
import collections
import html
import json
import os
import re
import shutil
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class File:
    """Counts of one source file: of lines, and of the branches that begin on them."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = {}

    def add(self, line, count, branches):
        self.lines[line] += count
        known = self.branches.get(line)
        if known is None or len(known) != len(branches):
            # An inline function may be compiled in several ways: the one with most branches counts.
            if known is None or len(branches) > len(known):
                self.branches[line] = branches
        else:
            self.branches[line] = [a + b for a, b in zip(known, branches)]

    def line_counts(self):
        return sum(count > 0 for count in self.lines.values()), len(self.lines)

    def branch_counts(self):
        every = [count for branches in self.branches.values() for count in branches]
        return sum(count > 0 for count in every), len(every)

    def missed(self):
        return sorted(line for line, count in self.lines.items() if not count)


# ---- building and running ----

def run(command, **options):
    print('$ ' + ' '.join(command), flush=True)
    return subprocess.run(command, check=False, cwd=SOURCE, **options).returncode


def build(folder):
    if not os.path.exists(os.path.join(folder, 'build.ninja')):
        header = os.path.join(SOURCE, 'scripts/coverage.h')
        status = run(['meson', 'setup', folder, '-Dbuildtype=debug', '-Doptimization=1',
                      '-Dc_link_args=--coverage -Wl,--wrap=abort', '-Dbench=false',
                      f'-Dc_args=--coverage -fprofile-update=atomic -include {header}'],
                     env=dict(os.environ, CC='gcc'), stdout=subprocess.DEVNULL)
        if status:
            return status
    return run(['ninja', '--quiet', '-C', folder])


def forget_counters(folder):
    for path, _, files in os.walk(folder):
        for name in files:
            if name.endswith('.gcda'):
                os.remove(os.path.join(path, name))


def run_tests(folder):
    """0 if all passed. The counters are worth reading all the same."""
    tests = ['scripts/run_tests.py', folder, '--timeout-multiplier', '3', '--engine',
             'epoll,uring,sim,fuzz']
    status = run(tests)
    status |= run(tests, env=dict(os.environ, EDDY_MASK='linux-5.10'))
    return status | run(['scripts/torture.py', folder, '--short', 'memory', 'engine', 'storm'])


# ---- reading counters ----

def gcov_command():
    """The one of gcc's own version, if there are several."""
    version = subprocess.run(['gcc', '-dumpversion'], stdout=subprocess.PIPE, text=True,
                             check=True).stdout.strip()
    return next(name for name in (f'gcov-{version.split(".")[0]}', 'gcov') if shutil.which(name))


def counters(folder):
    """What gcov makes of each object file of the libraries and the tests that has counters."""
    command = gcov_command()
    for path, _, files in os.walk(folder):
        data = [name for name in files if name.endswith('.gcda')]
        if not data:
            continue
        output = subprocess.run([command, '--json-format', '--stdout', '--branch-probabilities',
                                 *data], cwd=path, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=True).stdout
        for line in output.decode().splitlines():
            if line.startswith('{'):
                yield json.loads(line)


def read_files(folder):
    files = collections.defaultdict(File)
    prefix = os.path.join(SOURCE, 'src') + os.sep
    for unit in counters(folder):
        for entry in unit['files']:
            path = os.path.realpath(
                os.path.join(unit['current_working_directory'], entry['file']))
            if not path.startswith(prefix):
                continue
            name = os.path.relpath(path, SOURCE)
            for line in entry['lines']:
                branches = [branch['count'] for branch in line['branches'] if not branch['throw']]
                files[name].add(line['line_number'], line['count'], branches)
    for name, file in files.items():
        forget_assertions(name, file)
    return dict(sorted(files.items()))


def source_lines(name):
    with open(os.path.join(SOURCE, name), encoding='utf-8') as source:
        return source.read().split('\n')


def forget_assertions(name, file):
    lines = source_lines(name)
    for line in list(file.branches):
        if line <= len(lines) and re.search(r'\bassert\(', lines[line - 1]):
            del file.branches[line]


# ---- reports ----

def part_of(name):
    folder = name.split('/')[1]
    return {'client': 'client', 'tls': 'tls', 'test': 'eddy-test'}.get(folder, 'core')


def percent(reached, all_there):
    return 100 * reached / all_there if all_there else 100.0


def cell(counts):
    return f'{percent(*counts):6.1f} % {"of %d" % counts[1]:>8}'


def add(a, b):
    return a[0] + b[0], a[1] + b[1]


def ranges(numbers):
    """[1, 2, 3, 7] as 1-3, 7"""
    found = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ', '.join(str(a) if a == b else f'{a}-{b}' for a, b in found)


def totals(files):
    lines, branches = collections.defaultdict(lambda: (0, 0)), collections.defaultdict(lambda: (0, 0))
    for name, file in files.items():
        lines[part_of(name)] = add(lines[part_of(name)], file.line_counts())
        branches[part_of(name)] = add(branches[part_of(name)], file.branch_counts())
    return lines, branches


def report(files, minimum):
    lines, branches = totals(files)
    text = [f'{"":34}{"lines":>17}{"branches":>18}']
    for name, file in files.items():
        text.append(f'{name:34}{cell(file.line_counts())} {cell(file.branch_counts())}')
    for part in lines:
        text.append(f'{"all of " + part:34}{cell(lines[part])} {cell(branches[part])}')

    text += ['', f'files below {minimum:g} % of lines:']
    below = [name for name, file in files.items() if percent(*file.line_counts()) < minimum]
    text += [f'  {name}' for name in below] or ['  none']
    text += ['', 'lines of the core that no test reaches:']
    text += [f'  {name}: {ranges(file.missed())}' for name, file in files.items()
             if part_of(name) == 'core' and file.missed()]
    return '\n'.join(text) + '\n'


def write_counts(text):
    """For docs/how-it-is-tested.rst: of which day and state, and what was printed."""
    state = subprocess.run(['git', '-C', SOURCE, 'describe', '--always', '--dirty'], check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    with open(os.path.join(SOURCE, 'docs/coverage-counts.txt'), 'w', encoding='utf-8') as file:
        file.write(f'{time.strftime("%Y-%m-%d")}, {state.strip() or "no git"}\n{text}')


STYLE = '''body{font:14px sans-serif;margin:2em} td,th{padding:1px 10px;text-align:right}
td:first-child{text-align:left} .bar{background:#e88;width:120px;height:10px} .bar div{background:#6b6;
height:10px} pre{font-size:12px;line-height:1.3} .no{background:#fcc} .half{background:#ffc}
a{color:inherit}'''


def html_page(title, body):
    return (f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
            f'<h1>{title}</h1>{body}')


def html_row(name, link, lines, branches):
    label = f'<a href="{link}">{name}</a>' if link else f'<b>{name}</b>'
    bar = f'<div class="bar"><div style="width:{percent(*lines):.0f}%"></div></div>'
    return (f'<tr><td>{label}<td>{bar}<td>{percent(*lines):.1f} %<td>{lines[1]}'
            f'<td>{percent(*branches):.1f} %<td>{branches[1]}')


def html_source(name, file):
    rows = []
    for number, text in enumerate(source_lines(name), 1):
        count = file.lines.get(number)
        kind = '' if count is None else 'no' if not count else ''
        if not kind and 0 in file.branches.get(number, []):
            kind = 'half'
        shown = '' if count is None else count
        rows.append(f'<span class="{kind}">{shown:>12} {number:5}  {html.escape(text)}</span>')
    return html_page(name, '<pre>' + '\n'.join(rows) + '</pre>')


def write_html(files, folder):
    pages = os.path.join(folder, 'pages')
    os.makedirs(pages, exist_ok=True)
    lines, branches = totals(files)
    rows = [html_row('all of ' + part, None, lines[part], branches[part]) for part in lines]
    for name, file in files.items():
        page = name.replace('/', '-') + '.html'
        rows.append(html_row(name, 'pages/' + page, file.line_counts(), file.branch_counts()))
        with open(os.path.join(pages, page), 'w', encoding='utf-8') as out:
            out.write(html_source(name, file))
    head = '<tr><th><th><th>lines<th>of<th>branches<th>of'
    with open(os.path.join(folder, 'index.html'), 'w', encoding='utf-8') as out:
        out.write(html_page('Coverage', '<table>' + head + '\n'.join(rows) + '</table>'))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('build')
    parser.add_argument('--report', action='store_true')
    parser.add_argument('--minimum', type=float, default=90)
    options = parser.parse_args()
    folder = os.path.abspath(options.build)
    tests = 0
    if not options.report:
        if build(folder):
            return 1
        forget_counters(folder)
        tests = run_tests(folder)

    files = read_files(folder)
    if not files:
        print(f'{folder} has no counters')
        return 1
    text = report(files, options.minimum)
    print(text, end='')
    write_html(files, folder)
    if not options.report and not tests:
        write_counts(text)
    reached = percent(*totals(files)[0]['core'])
    print(f'\nthe core: {reached:.1f} % of lines, {options.minimum:g} % wanted; '
          f'see {os.path.relpath(folder)}/index.html')
    if tests:
        print('but tests failed')
    return 1 if tests or reached < options.minimum else 0


sys.exit(main())
