#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that is meant to break eddy, class by class, with counts.

    torture.py BUILD [--short] [--seed N] [--jobs N] [CLASS...]

    seeds       simulated runs of the suite, in shuffled order and by random priorities
    sweep       a cancel, and a timeout, at each suspension of each test
    memory      each allocation of each test fails once
    engine      each call to the system of each test fails once, by each errno
    storm       transfers of one byte, EAGAIN, early wakes, late completions in each test
    rings       what uses the ring, with rings of 1 to 8 entries
    signals     the suite in a storm of signals, with and without SA_RESTART
    kills       worker processes killed at random
    strace      programs whose system calls fail from outside (scripts/strace_inject.py)
    fuzz        the fuzz targets: libFuzzer for a minute each, or the corpus and some random input

BUILD is a build directory. --short is what continuous integration runs: a fixed seed, and less of
what takes long. The long form takes its seed from chance and prints it; --seed repeats it.

Logs are in BUILD/torture. A class whose pieces are missing has failed. The last lines are the
table of counts and, of classes,

    N passed, N failed, N skipped
"""
import argparse
import concurrent.futures
import functools
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUZZ_TARGETS = ('scope', 'timer')

# The core's tests: one that can't be tortured is a failure, so that none drops out unnoticed.
CORE = ('cancel', 'event', 'future', 'gather', 'group', 'handle', 'lock', 'loop', 'map', 'queue',
        'scope', 'semaphore', 'shield', 'spawn', 'task')

# What puts work into the ring.
RING_TESTS = ('connect', 'engine', 'engine_file', 'engine_watch', 'file', 'server', 'stream',
              'stream_end', 'stream_flow', 'watch')

# An early end of a wait is a turn, and the first two count turns; the next two have the watchdog name
# the system call that blocks, which the signals keep interrupting; the others look at processes of
# their own, which the storm's preload changes and whose ends they expect within so many naps.
NOT_IN_SIGNALS = ('embed', 'loop', 'mistakes', 'pitfalls', 'process', 'process_end', 'process_start',
                  'process_sweep', 'standard_stream')
# Their own waitpid() and read() don't expect EINTR.
NOT_INTERRUPTED = ('arguments_compile', 'fault', 'file_read_only', 'kit', 'kit_options', 'mistakes',
                   'mistakes_blocks', 'mistakes_handles', 'process_pool', 'process_pool_kills',
                   'process_pool_programs', 'rules_graph', 'rules_slow', 'rules_task', 'run',
                   'runner', 'search', 'server', 'server_given', 'server_limits', 'server_unix',
                   'server_unix_taken', 'signal', 'sim', 'stack_overflow',
                   'standard_stream_faults', 'zygote')

# What the simulated system doesn't have: with faults on the real ones.
REAL_FAULTS = ('standard_stream_faults', 'tls_faults')

MINIMUM_OF_SEEDS = 5000

# Seconds after which a program hangs, in the long form and in the short one: it is many times what
# the slowest takes (`tls_memory`: 60 s), for that may be a slow machine's.
LONGEST = (7200, 600)


class Result:
    """What one class came to."""

    def __init__(self, name):
        self.name = name
        self.runs = self.failed = self.skipped = 0
        self.started, self.seconds = time.monotonic(), 0.0
        self.notes = []
        self.lock = threading.Lock()

    def add(self, runs, failed):
        with self.lock:
            self.runs += runs
            self.failed += failed

    def fail(self, why):
        with self.lock:
            self.runs += 1
            self.failed += 1
            print(f'FAILED: {self.name}: {why}', flush=True)

    def skip(self, why):
        self.skipped += 1
        print(f'SKIP: {self.name}: {why}', flush=True)


def introspect(build, what):
    listing = subprocess.run(['meson', 'introspect', f'--{what}', build], check=True,
                             stdout=subprocess.PIPE).stdout
    return json.loads(listing)


class Torture:
    def __init__(self, options):
        self.build = os.path.abspath(options.build)
        self.short, self.seed, self.jobs = options.short, options.seed, options.jobs
        self.logs = os.path.join(self.build, 'torture')
        os.makedirs(self.logs, exist_ok=True)
        self.programs = {}  # name without test_ -> path
        for target in introspect(self.build, 'targets'):
            name = target['name']
            if target['type'] == 'executable' and name.startswith('test_'):
                self.programs[name[len('test_'):]] = target['filename'][0]
        self.engines = {test['name'].split('/')[0] for test in introspect(self.build, 'tests')}
        self.kit = sorted(name for name in self.programs if self.has_kit(name))
        self.running = set()
        # Of the tests; what those that are cut off leave goes with it. Short, for it is part of
        # sockets' paths.
        base = tempfile.gettempdir()
        self.folder = tempfile.mkdtemp(prefix='eddy-', dir=base if len(base) <= 40 else '/tmp')

    def has_kit(self, name):
        text = subprocess.run([self.programs[name], '--help'], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=60, check=False).stdout
        return b'--seeds' in text

    # ---- running ----

    def run(self, result, label, command, timeout=None, folder=None, **environment):
        """The exit status and the output of a command, also in a log; None if it hung."""
        log = os.path.join(self.logs, f'{result.name}-{label}.log'.replace('/', '-'))
        variables = dict(os.environ, EDDY_SOURCE_ROOT=SOURCE, EDDY_BUILD_ROOT=self.build,
                         TMPDIR=self.folder)
        variables.update(environment)
        with open(log, 'w+', encoding='utf-8', errors='replace') as file:
            file.write('$ ' + ' '.join([f'{k}={v}' for k, v in environment.items()] + command) + '\n')
            file.flush()
            process = subprocess.Popen(command, env=variables, cwd=folder,
                                       stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            self.running.add(process)
            try:
                status = process.wait(timeout=timeout or LONGEST[self.short])
            except subprocess.TimeoutExpired:
                status = None
                self.kill(process)
                process.wait()
            self.running.discard(process)
            file.seek(0)
            return status, file.read()

    @staticmethod
    def kill(process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            pass

    def kill_all(self):
        for process in list(self.running):
            self.kill(process)

    def leave_nothing(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def tell(self, label, output):
        print(f'--- {label}')
        for line in output.splitlines()[:1] + output.splitlines()[1:][-25:]:
            print(f'  | {line}')
        sys.stdout.flush()

    def run_counted(self, result, label, command, **environment):
        """A command that ends with `torture: N runs, N failed`."""
        status, output = self.run(result, label, command, **environment)
        counts = re.findall(r'^torture: (\d+) runs, (\d+) failed$', output, re.MULTILINE)
        if status == 77:
            return 0
        if not counts:
            self.tell(label, output)
            result.fail(f'{label}: ' + ('hung' if status is None else f'ended with {status}'))
            return 1
        runs, failed = map(int, counts[-1])
        if status != 0 and not failed:
            failed = 1
        if failed:
            self.tell(label, output)
        result.add(max(runs, failed), failed)
        return runs

    def run_tests(self, result, label, command, **environment):
        """A test program: it counts as many runs as it has tests."""
        status, output = self.run(result, label, command, **environment)
        started = sum(map(int, re.findall(r'Running (\d+) test\(s\)', output)))
        failed = sum(map(int, re.findall(r'FAILED +\] (?:.*: )?(\d+) test\(s\)', output)))
        skipped = sum(map(int, re.findall(r'SKIPPED +\] (?:.*: )?(\d+) test\(s\)', output)))
        if status == 77:
            result.skipped += 1
            return output
        if status != 0:
            failed = max(failed, 1)
            self.tell(label, f'{output}\n{label}: ' + ('hung' if status is None else f'ended with {status}'))
        result.skipped += skipped
        result.add(max(started - skipped, failed), failed)
        return output

    def each(self, function, items):
        """function(*item) for each, some at a time."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for future in [pool.submit(function, *item) for item in items]:
                future.result()

    def need_core(self, result):
        for name in CORE:
            if name not in self.kit:
                result.fail(f'test_{name} is not there, or not on eddy-test')

    # ---- classes ----

    def on_kit(self, result, *arguments):
        self.need_core(result)
        self.each(lambda name: self.run_counted(
            result, name, [self.programs[name], *arguments]), zip(self.kit))

    def faults(self, result, kind, longest=None):
        self.need_core(result)
        jobs = [longest] if longest else []
        for name, engine in itertools.product(REAL_FAULTS, sorted(self.engines & {'epoll', 'uring'})):
            if name not in self.programs:
                result.fail(f'test_{name} is not there')
                continue
            jobs.append(functools.partial(
                self.run_counted, result, f'{name}-{engine}',
                [self.programs[name], '--engine', engine, '--fault', kind]))
        for name in self.kit:
            jobs.append(functools.partial(self.run_counted, result, name,
                                          [self.programs[name], '--fault', kind]))
        self.each(lambda job: job(), zip(jobs))

    def seeds(self, result):
        count = 8 if self.short else 200
        self.need_core(result)

        def one(name, order):
            self.run_counted(result, f'{name}-{order}',
                             [self.programs[name], '--seeds', str(count), '--seed', str(self.seed),
                              '--order', order])

        self.each(one, itertools.product(self.kit, ('shuffled', 'priorities')))
        if result.runs < MINIMUM_OF_SEEDS:
            result.fail(f'{result.runs} runs, fewer than {MINIMUM_OF_SEEDS}')

    def sweep(self, result):
        self.on_kit(result, '--sweep')

    def memory(self, result):
        each = None
        if 'tls_memory' in self.programs:  # OpenSSL's own
            each = functools.partial(
                self.run_tests, result, 'tls_memory-each', [self.programs['tls_memory']],
                EDDY_ENGINE='epoll', EDDY_TEST_EACH_ALLOCATION='1')
        self.faults(result, 'memory', each)

    def engine(self, result):
        self.faults(result, 'engine')

    def storm(self, result):
        self.faults(result, 'storm')

    def rings(self, result):
        if 'uring' not in self.engines:
            result.skip('the build has no io_uring')
            return
        names = RING_TESTS if self.short else sorted(self.programs)
        missing = set(RING_TESTS) - set(self.programs)
        if missing:
            result.fail(f'no {", ".join(sorted(missing))}')

        def one(name, entries):
            if name in self.programs:
                self.run_tests(result, f'{name}-{entries}', [self.programs[name]],
                               EDDY_ENGINE='uring', EDDY_URING_ENTRIES=str(entries))

        self.each(one, itertools.product(names, range(1, 9)))

    def signals(self, result):
        storm, preload, survivor = (
            os.path.join(self.build, 'tests/torture', name)
            for name in ('signal_storm', 'torture_preload.so', 'survivor'))
        missing = [path for path in (storm, preload, survivor) if not os.path.exists(path)]
        if missing:
            result.fail(f'{", ".join(missing)} is not built')
            return
        sent = []

        def note(output):
            sent.extend(map(int, re.findall(r'^signal_storm: (\d+) signals', output, re.M)))

        def one(name, engine, way):
            if name in NOT_IN_SIGNALS or (way == 'interrupt' and name in NOT_INTERRUPTED):
                return
            restart = ['--restart'] if way == 'restart' else []
            note(self.run_tests(result, f'{name}-{engine}-{way}',
                                [storm, *restart, preload, self.programs[name]],
                                EDDY_ENGINE=engine))

        def survive(part, engine, number):
            label = f'survivor-{part}-{engine}-{number}'
            with tempfile.TemporaryDirectory(prefix='eddy-storm-') as folder:
                status, output = self.run(result, label, [storm, preload, survivor, part],
                                          folder=folder, timeout=120, EDDY_ENGINE=engine)
            note(output)
            result.add(1, status != 0)
            if status != 0:
                self.tell(label, output)

        engines = sorted(self.engines & {'epoll', 'uring'})
        self.each(one, itertools.product(self.kit, engines, ('restart', 'interrupt')))
        parts = ('echo', 'files', 'threads', 'processes', 'children')
        self.each(survive, itertools.product(parts, engines,
                                             range(20 if self.short else 200)))
        result.notes.append(f'{sum(sent)} signals')

    def kills(self, result):
        count = 250 if self.short else 1000
        if 'process_pool_kills' not in self.programs:
            result.fail('test_process_pool_kills is not built')
            return
        for engine in sorted(self.engines & {'epoll', 'uring'}):
            self.run_tests(result, engine, [self.programs['process_pool_kills'], 'random_kills'],
                           EDDY_ENGINE=engine, EDDY_TEST_KILLS=str(count))
            result.notes.append(f'{count} kills on {engine}')

    def strace(self, result):
        command = [os.path.join(SOURCE, 'scripts/strace_inject.py'), self.build, '--jobs',
                   str(self.jobs)]
        status, output = self.run(result, 'all', command + (['--short'] if self.short else []),
                                  timeout=LONGEST[False]) # a program in it has limits of its own
        if status == 77:
            result.skip(output.strip().splitlines()[-1].removeprefix('SKIP: '))
            return
        counts = re.findall(r'^torture: (\d+) runs, (\d+) failed$', output, re.MULTILINE)
        print(re.sub(r'(?s)^.*?(?=^call )', '', output, flags=re.MULTILINE) if counts else output)
        if status != 0:
            self.tell('strace', output)
        if counts:
            result.add(*map(int, counts[-1]))
        else:
            result.fail('strace_inject.py: ' + ('hung' if status is None else f'ended with {status}'))

    def fuzz(self, result):
        for name in FUZZ_TARGETS:
            program = os.path.join(self.build, 'fuzz', f'fuzz_{name}')
            corpus = os.path.join(SOURCE, 'fuzz/corpus', name)
            if not os.path.exists(program) or not os.listdir(corpus):
                result.fail(f'fuzz_{name} is not built, or has no corpus')
                continue
            self.run_counted(result, f'{name}-corpus', [program, corpus])
            self.run_counted(result, f'{name}-random',
                             [program, '--random', str(self.seed), '20000'])
        if self.short:
            return
        if not shutil.which('clang'):
            result.skip('clang is not installed: no libFuzzer')
            return
        folder = os.path.join(self.build, 'libfuzzer')
        if not self.build_fuzzers(result, folder):
            return
        self.each(lambda name: self.run_libfuzzer(result, folder, name), zip(FUZZ_TARGETS))

    def build_fuzzers(self, result, folder):
        if not os.path.exists(os.path.join(folder, 'build.ninja')):
            status, output = self.run(
                result, 'setup',
                ['meson', 'setup', folder, SOURCE, '-Dfuzz=true', '-Dbench=false',
                 '-Dexamples=false', '-Dclient=disabled', '-Dtls=disabled', '-Db_lundef=false',
                 '-Db_sanitize=address,undefined'], CC='clang')
            if status != 0:
                self.tell('setup', output)
                result.fail('the build of the fuzz targets can\'t be set up')
                return False
        status, output = self.run(result, 'build', ['ninja', '-C', folder] +
                                  [f'fuzz/fuzz_{name}' for name in FUZZ_TARGETS])
        if status != 0:
            self.tell('build', output)
            result.fail('the fuzz targets don\'t build')
        return status == 0

    def run_libfuzzer(self, result, folder, name):
        """On a copy of the corpus: what is to be kept of the new is a person's choice."""
        found = os.path.join(self.logs, f'found-{name}-')
        with tempfile.TemporaryDirectory(prefix='eddy-fuzz-') as corpus:
            status, output = self.run(
                result, f'{name}-libfuzzer',
                [os.path.join(folder, 'fuzz', f'fuzz_{name}'), f'-seed={self.seed & 0xffffffff}',
                 '-max_total_time=60', '-max_len=400', '-timeout=20', '-print_final_stats=1',
                 f'-artifact_prefix={found}', corpus, os.path.join(SOURCE, 'fuzz/corpus', name)],
                ASAN_OPTIONS='detect_stack_use_after_return=0')
        executed = re.findall(r'^stat::number_of_executed_units: (\d+)', output, re.MULTILINE)
        result.add(int(executed[-1]) if executed else 0, 0)
        if status != 0:
            self.tell(f'{name}-libfuzzer', output)
            result.fail(f'fuzz_{name} found something: {found}*')


def table(results, seed):
    lines = [f'{"class":10}{"runs":>10}{"failed":>8}{"skipped":>8}{"seconds":>9}']
    for result in results:
        lines.append(f'{result.name:10}{result.runs:>10}{result.failed:>8}{result.skipped:>8}'
                     f'{result.seconds:>9.0f}  {", ".join(result.notes)}'.rstrip())
    lines.append(f'seed {seed}, {sum(result.seconds for result in results):.0f} s')
    return '\n'.join(lines) + '\n'


def write_counts(text):
    """For docs/how-it-is-tested.rst: the last long run of all classes, and of which state."""
    state = subprocess.run(['git', '-C', SOURCE, 'describe', '--always', '--dirty'], check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding='utf-8').stdout
    with open(os.path.join(SOURCE, 'docs/torture-counts.txt'), 'w', encoding='utf-8') as file:
        file.write(f'{time.strftime("%Y-%m-%d")}, {state.strip() or "no git"}\n{text}')


CLASSES = ('seeds', 'sweep', 'memory', 'engine', 'storm', 'rings', 'signals', 'kills', 'strace',
           'fuzz')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('build')
    parser.add_argument('--short', action='store_true')
    parser.add_argument('--seed', type=int)
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('classes', nargs='*', metavar='CLASS', help=', '.join(CLASSES))
    options = parser.parse_intermixed_args()
    unknown = set(options.classes) - set(CLASSES)
    if unknown:
        parser.error(f'no class {", ".join(sorted(unknown))}; there are: {", ".join(CLASSES)}')
    if options.seed is None:
        options.seed = 1 if options.short else int.from_bytes(os.urandom(4), 'little') + 1
    print(f'seed {options.seed}', flush=True)

    torture = Torture(options)

    def leave(number, _):
        torture.kill_all()
        torture.leave_nothing()
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    results = []
    try:
        for name in options.classes or CLASSES:
            result = Result(name)
            print(f'{name} ...', flush=True)
            getattr(torture, name)(result)
            result.seconds = time.monotonic() - result.started
            results.append(result)
    finally:
        torture.leave_nothing()
    text = table(results, options.seed)
    print('\n' + text, end='')
    if not options.short and not options.classes:
        write_counts(text)
    failed = [result for result in results if result.failed]
    skipped = [result for result in results if not result.runs]
    print(f'{len(results) - len(failed) - len(skipped)} passed, {len(failed)} failed, '
          f'{len(skipped)} skipped')
    return 1 if failed else 77 if len(skipped) == len(results) else 0


sys.exit(main())
