#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests of a build directory and counts them.

    run_tests.py BUILD [--engine epoll,uring] [--timeout-multiplier N]
                       [--wrapper COMMAND] [NAME...]

NAME selects tests by a part of their path (`task` takes epoll/task and uring/task); --engine
leaves out all that aren't of these. A cmocka program counts as many
tests as it has test functions; an example or a consumer counts one. The last line is

    N passed, N failed, N skipped

and the exit status is 1 if anything failed or nothing was run.
"""
import argparse
import ctypes
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile


def io_uring_refused():
    """Why the kernel refuses io_uring here, or None."""
    io_uring_setup = 425
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = ctypes.create_string_buffer(256)
    fd = libc.syscall(io_uring_setup, 1, parameters)
    if fd < 0:
        return errno.errorcode.get(ctypes.get_errno(), 'an unknown error')
    os.close(fd)
    return None


def all_tests(build):
    """The tests that the build directory knows, in its order."""
    listing = subprocess.run(['meson', 'introspect', '--tests', build],
                             stdout=subprocess.PIPE, check=True).stdout
    return [test['name'] for test in json.loads(listing)]


def count(result):
    """(passed, failed, skipped, reasons) of one program, from its log entry."""
    stdout = result.get('stdout') or ''
    text = stdout + '\n' + (result.get('stderr') or '')
    reasons = re.findall(r'^SKIP:? *(.*)$', text, re.MULTILINE)
    ended_well = result['returncode'] in (0, 77) and result['result'] in ('OK', 'SKIP')

    if '[==========]' not in text:  # not a cmocka program: it counts as one test
        if result['result'] == 'SKIP':
            return 0, 0, 1, reasons or ['no reason given']
        return (1, 0, 0, []) if ended_well else (0, 1, 0, [])

    def total(word):
        return sum(int(n) for n in re.findall(
            r'^\[ *' + word + r' *\] (?:.*: )?(\d+) test\(s\)', text, re.MULTILINE))

    started = sum(int(n) for n in re.findall(
        r'^\[=+\](?: .*?:)? Running (\d+) test\(s\)', text, re.MULTILINE))
    passed, failed, skipped = total('PASSED'), total('FAILED'), total('SKIPPED')
    if passed + failed + skipped < started:
        # It died on the way: what had passed by then has passed, the one it died in has failed.
        passed = max(passed, len(re.findall(r'^\[ +OK +\]', text, re.MULTILINE)))
        skipped = max(skipped, len(re.findall(r'^\[ +SKIPPED +\]', stdout, re.MULTILINE)))
        failed = max(failed, 1)
    if not ended_well:
        failed = max(failed, 1)  # a leak report, say, after the last test
    reasons += ['no reason given'] * (skipped - len(reasons))
    return passed, failed, skipped, reasons


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('build')
    parser.add_argument('--engine', help='epoll, uring or epoll,uring')
    parser.add_argument('--timeout-multiplier', default='1')
    parser.add_argument('--wrapper')
    parser.add_argument('names', nargs='*')
    options = parser.parse_intermixed_args()

    tests = all_tests(options.build)
    if options.engine:
        wanted = options.engine.split(',')
        tests = [test for test in tests if test.split('/')[0] in wanted]
    if options.names:
        named = {name: [test for test in tests
                        if name in (test, *test.split('/')) or test.endswith('/' + name)]
                 for name in options.names}
        for name, found in named.items():
            if not found:
                parser.error(f'no test is called {name}; `meson test -C {options.build} --list` '
                             'names them')
        tests = [test for test in tests if any(test in found for found in named.values())]

    passed = failed = skipped = 0
    refused = io_uring_refused()
    if refused:
        uring_tests = [test for test in tests if test.startswith('uring/')]
        tests = [test for test in tests if test not in uring_tests]
        skipped += len(uring_tests)
        for test in uring_tests:
            print(f'SKIP {test}: the kernel refuses io_uring here ({refused})')

    log_base = 'run_tests'
    if tests:
        command = ['meson', 'test', '-C', options.build, '--no-rebuild', '--print-errorlogs',
                   '--logbase', log_base, '--timeout-multiplier', options.timeout_multiplier]
        if options.wrapper:
            command += ['--wrapper', options.wrapper]
        sys.stdout.flush()
        log = f'{options.build}/meson-logs/{log_base}.json'
        if options.wrapper:
            tool = os.path.basename(options.wrapper.split()[0])
            log = f'{options.build}/meson-logs/{log_base}-{tool}.json'
        if os.path.exists(log):
            os.remove(log)
        # What tests that are cut off leave goes with it. Short, for it is part of sockets' paths.
        base = tempfile.gettempdir()
        folder = tempfile.mkdtemp(prefix='eddy-', dir=base if len(base) <= 40 else '/tmp')
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        try:
            status = subprocess.run(command + tests, check=False,
                                    env=dict(os.environ, TMPDIR=folder)).returncode
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        ran = 0
        if os.path.exists(log):
            with open(log, encoding='utf-8') as file:
                for line in file:
                    result = json.loads(line)
                    ran += 1
                    p, f, s, reasons = count(result)
                    passed, failed, skipped = passed + p, failed + f, skipped + s
                    name = re.sub(r'^.*? - \w+:|^.* / ', '', result['name'])
                    for reason in reasons:
                        print(f'SKIP {name}: {reason}')
        if ran < len(tests) or (status != 0 and failed == 0):
            print(f'{len(tests) - ran} of {len(tests)} programs left no result')
            failed += max(1, len(tests) - ran)

    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    return 0 if failed == 0 and passed + skipped > 0 else 1


sys.exit(main())
