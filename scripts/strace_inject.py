#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs programs while system calls of theirs fail, from outside: strace -e inject.

    strace_inject.py BUILD [--short] [--jobs N] [--only PROGRAM[:CALL[:ERRNO[:WHEN]]]]

A counting run of each program finds which of the calls below it makes, and how often. Then each
call fails with each errno that its manual documents: once, at its first, second, third ... time,
and from the first time on for good. Counting begins where main() does; every thread and process of
the program counts for itself.

Whatever fails, the program must end soon: with 0, or with another status and a line on stderr that
says why ("mute": what failed was the writing of that line, or the wake of a waiting loop, which no
system refuses). A silent failure, a crash, a hang and a
process left behind are failures of this test. An abort after the line "eddy: fatal: ..." is shown
apart: the loop's own wait can't be made up for.

Each failure is printed with the --only that repeats it. The last line is

    torture: N runs, N failed

and the exit status 1 if one failed, 77 if strace isn't here or may not trace.
"""
import argparse
import collections
import concurrent.futures
import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

# An injected error means that the call isn't made. So no futex: what wakes others can't be told from
# what waits, and a lost wake is a hang by right. No EAGAIN where readiness was promised: the edge
# that would end the wait never comes. close() only in programs without sockets: the descriptor stays
# open, and a peer waits for ever. No wait4: with WNOHANG it can't fail.
ERRNOS = {
    'accept4': 'EMFILE ECONNABORTED EINTR ENOMEM',
    'bind': 'EADDRINUSE EACCES',
    'clone': 'EAGAIN ENOMEM',
    'clone3': 'EAGAIN ENOMEM',
    'close': 'EIO EINTR',
    'close_range': 'ENOMEM ENOSYS',
    'connect': 'ECONNREFUSED ETIMEDOUT ENETUNREACH',
    'dup3': 'EBUSY EINTR EMFILE',
    'epoll_create1': 'EMFILE ENOMEM',
    'epoll_ctl': 'ENOMEM ENOSPC EPERM',
    'epoll_pwait': 'EINTR',
    'epoll_pwait2': 'EINTR ENOSYS',
    'epoll_wait': 'EINTR',
    'eventfd2': 'EMFILE ENOMEM',
    'execve': 'ENOENT EACCES ENOMEM',
    'fsync': 'EIO ENOSPC EINTR',
    'getrandom': 'EINTR ENOSYS',
    'getsockname': 'ENOBUFS',
    'getsockopt': 'ENOBUFS',
    'io_uring_enter': 'EINTR EAGAIN EBUSY',
    'io_uring_register': 'EINVAL ENOMEM',
    'io_uring_setup': 'ENOSYS EPERM ENOMEM',
    'kill': 'EPERM ESRCH',
    'listen': 'EADDRINUSE',
    'madvise': 'EAGAIN ENOMEM EINVAL',
    'mkdir': 'EACCES ENOSPC',
    'mkdirat': 'EACCES ENOSPC',
    'mmap': 'ENOMEM',
    'mprotect': 'ENOMEM',
    'munmap': 'ENOMEM',
    'openat': 'EMFILE EACCES EINTR',
    'pidfd_open': 'EMFILE ENOMEM',
    'pidfd_send_signal': 'EPERM ESRCH',
    'pipe2': 'EMFILE ENFILE',
    'poll': 'EINTR ENOMEM',
    'ppoll': 'EINTR ENOMEM',
    'pread64': 'EIO EINTR',
    'pwrite64': 'EIO ENOSPC EINTR',
    'read': 'EIO EINTR',
    'recvfrom': 'ECONNRESET EINTR ENOMEM',
    'recvmsg': 'ECONNRESET EINTR ENOMEM',
    'rename': 'EACCES ENOSPC',
    'renameat': 'EACCES ENOSPC',
    'renameat2': 'EACCES ENOSPC',
    'sendmsg': 'ENOBUFS EINTR',
    'sendto': 'ECONNRESET EPIPE EINTR ENOBUFS',
    'setpgid': 'EACCES EPERM',
    'setsockopt': 'ENOBUFS ENOPROTOOPT',
    'sigaltstack': 'ENOMEM',
    'signalfd4': 'EMFILE ENOMEM',
    'socket': 'EMFILE ENOBUFS EACCES',
    'socketpair': 'EMFILE',
    'unlink': 'EACCES EBUSY',
    'unlinkat': 'EACCES EBUSY',
    'waitid': 'ECHILD EINTR',
    'write': 'EIO ENOSPC EINTR',
}
WITHOUT_SOCKETS = ('files', 'threads')

# Without these a child can't be ended, or not be seen to have: that it is left is by right.
UNREACHABLE = ('kill', 'pidfd_send_signal', 'waitid')

OUTCOMES = ('unharmed', 'clear', 'mute', 'fatal', 'SILENT', 'CRASH', 'HANG', 'LEFT')
GOOD = OUTCOMES[:4]

Program = collections.namedtuple('Program', 'name command engine limit times')
Case = collections.namedtuple('Case', 'program call error when')

# "eddy: ...", "image_1.jpg: ...", or the words or the name of an error.
CLEAR_LINE = re.compile('|'.join(
    [r'^[\w.]+: \w.*\w', r'\bE[A-Z0-9]{3,}\b: .'] +
    [re.escape(os.strerror(number)) for number in errno.errorcode]), re.MULTILINE)
LOST_WAKE = re.compile(r'write\(\d+, "\\1(\\0){7}", 8\).*INJECTED')

# Of the demo, whose runs take seconds, the short form takes these.
SHORT_DEMO = ('accept4', 'clone3', 'connect', 'epoll_ctl', 'eventfd2', 'mmap', 'openat', 'read',
              'recvfrom', 'rename', 'sendto', 'socket', 'write')


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def members(session):
    """The living processes of a session, zombies too."""
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat', encoding='utf-8', errors='replace') as file:
                fields = file.read().rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            found.append(int(name))
    return found


def kill_members(session):
    for process in members(session):
        try:
            os.kill(process, signal.SIGKILL)
        except OSError:
            pass


class Run:
    """One run of a program under strace, in a folder and a session of its own."""

    def __init__(self, bench, program, call=None, error=None, when=None):
        self.bench, self.program, self.call = bench, program, call
        self.folder = tempfile.mkdtemp(prefix='strace-', dir=bench.folder)
        self.trace = os.path.join(self.folder, 'trace')
        self.options = ['-e', f'trace={call}' if call else 'trace=all']
        if error:
            self.options += ['-e', f'inject={call}:error={error}:when={when}']
        self.stderr, self.calls, self.status, self.hung, self.left = '', '', None, False, False
        try:
            self.go()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def go(self):
        environment = dict(os.environ, LD_PRELOAD=self.bench.preload, EDDY_TORTURE_STOP='1')
        environment.pop('EDDY_ENGINE', None)
        if self.program.engine:
            environment['EDDY_ENGINE'] = self.program.engine
        errors = os.path.join(self.folder, 'stderr')
        with open(errors, 'wb') as file:
            process = subprocess.Popen(self.program.command(self.folder), env=environment,
                                       cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=file,
                                       start_new_session=True)
        try:
            self.attach_and_wait(process)
            with open(errors, encoding='utf-8', errors='replace') as file:
                self.stderr = file.read()
        finally:
            kill_members(process.pid)
            process.wait()

    def attach_and_wait(self, process):
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        strace = subprocess.Popen(
            ['strace', '-f', '-q', '-o', self.trace, *self.options, '-p', str(process.pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while not self.traced(process.pid) and strace.poll() is None:
            time.sleep(0.001)
        if strace.poll() is not None:
            raise RuntimeError('strace: ' + strace.stderr.read().decode(errors='replace').strip())
        os.kill(process.pid, signal.SIGCONT)
        try:
            self.status = process.wait(timeout=self.program.limit)
            self.left = self.leaves_processes(process.pid)
        except subprocess.TimeoutExpired:
            self.hung = True
            kill_members(process.pid)
        try:
            strace.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            strace.kill()
            strace.communicate()
        with open(self.trace, encoding='utf-8', errors='replace') as file:
            self.calls = file.read()

    @staticmethod
    def traced(process):
        try:
            with open(f'/proc/{process}/status', encoding='utf-8', errors='replace') as file:
                return not re.search(r'^TracerPid:\s+0$', file.read(), re.MULTILINE)
        except OSError:
            return False

    @staticmethod
    def leaves_processes(session):
        deadline = time.monotonic() + 3
        while members(session):
            if time.monotonic() > deadline:
                return True
            time.sleep(0.005)
        return False

    def outcome(self):
        if self.hung:
            return 'mute' if LOST_WAKE.search(self.calls) else 'HANG'
        if self.left or ('survivor: a child is left' in self.stderr and
                         self.call not in UNREACHABLE):
            return 'LEFT'
        if self.status == 0:
            return 'unharmed'
        if self.status == -signal.SIGABRT and re.search('^eddy: fatal: ', self.stderr, re.M):
            return 'fatal'
        if self.status < 0 or self.status >= 128:
            return 'CRASH'
        if CLEAR_LINE.search(self.stderr):
            return 'clear'
        return 'mute' if re.search(r'\bwrite\([12], .*INJECTED', self.calls) else 'SILENT'

    def counts(self):
        """How often each call was made by the thread that made most of it."""
        threads = collections.Counter(re.findall(r'^(\d+) +(\w+)\(', self.calls, re.MULTILINE))
        counts = collections.Counter()
        for (_, call), count in threads.items():
            counts[call] = max(counts[call], count)
        return counts


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder = os.path.abspath(build), folder
        self.preload = os.path.join(self.build, 'tests/torture/torture_preload.so')
        self.photos = os.path.join(folder, 'photos')

    def programs(self, short):
        survivor = os.path.join(self.build, 'tests/torture/survivor')
        times = 1 if short else 6
        found = []
        for engine in engines(self.build):
            for part in ('echo', 'files', 'threads', 'processes', 'children'):
                found.append(Program(f'{part}-{engine}', lambda _, part=part: [survivor, part],
                                     engine, 20, times))
        # Without a choice of engine it must find another one if the first doesn't work.
        found.append(Program('echo', lambda _: [survivor, 'echo'], None, 20, times))
        if os.path.exists(self.demo()):
            found.append(Program('demo', self.demo_command, None, 30, 1 if short else 3))
        return found

    def demo(self):
        return os.path.join(self.build, 'examples/image_pipeline')

    def demo_command(self, folder):
        """Two photographs by the version with tasks and processes."""
        out = os.path.join(folder, 'out')
        os.mkdir(out)
        os.symlink(self.photos, os.path.join(out, 'photos'))
        port, urls = free_port(), os.path.join(folder, 'urls')
        with open(urls, 'w', encoding='utf-8') as file:
            for number in (1, 2):
                file.write(f'http://127.0.0.1:{port}/photo/{number}.jpg\n')
        return [self.demo(), '--synthetic', '--only', 'processes', '--workers', '1',
                '--timeout', '4', '--out', out, '--urls', urls, '--port', str(port)]

    def make_photos(self):
        """The demo draws its photographs at its first run; the others share them."""
        out = os.path.join(self.folder, 'out')
        os.makedirs(self.photos)
        os.mkdir(out)
        os.symlink(self.photos, os.path.join(out, 'photos'))
        subprocess.run([self.demo(), '--synthetic', '--only', 'threads', '--out', out],
                       stdout=subprocess.DEVNULL, check=True)


def engines(build):
    """Those whose tests the build has and the kernel allows."""
    listing = subprocess.run(['meson', 'introspect', '--tests', build], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    return ['epoll'] + (['uring'] if '"uring/' in listing and uring_works() else [])


def uring_works():
    try:
        with open('/proc/sys/kernel/io_uring_disabled', encoding='utf-8') as file:
            return file.read().strip() == '0'
    except OSError:
        return True


def cases_of(bench, program, short, only):
    plain = Run(bench, program)
    if plain.outcome() != 'unharmed':
        raise RuntimeError(f'{program.name} fails without any injection: {plain.stderr}')
    counts = plain.counts()
    cases = []
    for call, errnos in ERRNOS.items():
        if not counts[call]:
            continue
        if call == 'close' and not program.name.startswith(WITHOUT_SOCKETS):
            continue
        if short and program.name == 'demo' and call not in SHORT_DEMO:
            continue
        for error in errnos.split()[:1 if short else None]:
            times = min(counts[call], program.times)
            for when in [*map(str, range(1, times + 1)), '1+']:
                case = Case(program.name, call, error, when)
                if not only or only == case[:len(only)]:
                    cases.append(case)
    return cases


# A call that is interrupted for ever is a hang by right, and a kernel that has a call keeps it.
def skips(case):
    if case.error == 'ENOSYS':
        return case.when != '1+'
    return case.error in ('EINTR', 'EAGAIN', 'EBUSY') and case.when.endswith('+')


def print_table(results):
    table = collections.defaultdict(collections.Counter)
    for case, outcome in results:
        table[case.call][outcome] += 1
        table['all'][outcome] += 1
    print(f'{"call":18}' + ''.join(f'{outcome:>10}' for outcome in OUTCOMES))
    for call in [*sorted(set(table) - {'all'}), 'all']:
        print(f'{call:18}' + ''.join(f'{table[call][outcome] or "-":>10}' for outcome in OUTCOMES))


def tracing_refused():
    """Why strace can't be used here, or None."""
    if not shutil.which('strace'):
        return 'strace is not installed'
    sleeper = subprocess.Popen(['sleep', '60'])
    try:
        strace = subprocess.Popen(['strace', '-f', '-q', '-o', '/dev/null', '-p', str(sleeper.pid)],
                                  stderr=subprocess.PIPE)
        deadline = time.monotonic() + 5
        while strace.poll() is None and time.monotonic() < deadline:
            if Run.traced(sleeper.pid):
                return None
            time.sleep(0.01)
        strace.kill()
        return 'tracing is not permitted here: ' + strace.communicate()[1].decode().strip()
    finally:
        sleeper.kill()
        sleeper.wait()


def torture(bench, options):
    only = tuple(options.only.split(':')) if options.only else None
    programs = [program for program in bench.programs(options.short)
                if not only or program.name == only[0]]
    if any(program.name == 'demo' for program in programs):
        bench.make_photos()
    by_name = {program.name: program for program in programs}
    cases = [case for program in programs
             for case in cases_of(bench, program, options.short, only) if not skips(case)]
    lock, results, failed = threading.Lock(), [], 0

    def one(case):
        nonlocal failed
        run = Run(bench, by_name[case.program], case.call, case.error, case.when)
        outcome = run.outcome()
        with lock:
            results.append((case, outcome))
            if outcome not in GOOD or only:
                failed += outcome not in GOOD
                print(f'{outcome}: --only {":".join(case)}, status {run.status}', flush=True)
                injected = [line for line in run.calls.splitlines() if 'INJECTED' in line]
                for line in [*run.stderr.splitlines()[-12:], *injected[:6]]:
                    print(f'  | {line}', flush=True)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for future in [pool.submit(one, case) for case in cases]:
            future.result()
    print_table(results)
    print(f'torture: {len(results)} runs, {failed} failed')
    return 1 if failed or not results else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('build')
    parser.add_argument('--short', action='store_true')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--only')
    options = parser.parse_args()
    refused = tracing_refused()
    if refused:
        print(f'SKIP: {refused}')
        return 77
    with tempfile.TemporaryDirectory(prefix='strace-inject-') as folder:
        return torture(Bench(options.build, folder), options)


sys.exit(main())
