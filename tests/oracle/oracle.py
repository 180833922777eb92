#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares eddy with CPython's asyncio on small random programs.

    oracle.py PROGRAM [--seeds N] [--first N] [--show SEED] [--jobs N]

PROGRAM is the built tests/oracle/program. Each seed makes a program of tasks that sleep, spawn,
cancel, lock, put, get, gather, time out and fail. It runs there and in this Python, both on a
virtual clock, and the traces have to be the same: every event, in its order, with its time.

    program
    body { 1 spawn 1  2 timeout 1500000 { 3 await 1 } }
    body { 4 sleep 700000  5 return 7 }

A number names each operation in the trace; body 0 is the main task. Times are microseconds.

What is compared holds for each program, but not every program is made:

  - A cancel comes alone in its instant: a sleep of a length of its own stands before it. A cancel in
    the same instant as what the cancelled task waits for loses the value in asyncio; here the
    finished operation wins (deliberate). That is tested by rule (rule_081, rule_124, ...). And one
    stands behind it, since a cancel may come round to the task that asked for it: one that returns
    all the same is cancelled in asyncio, and returns its value here (deliberate: rule_071).
  - A task awaits only tasks of higher numbers: asyncio recurses without end when a cycle is
    cancelled.
  - A task doesn't take a lock that it holds: asyncio hangs, here it is -EDEADLK.
  - A group's children are cancelled only from inside its block (their handles end with it) and
    awaited by nobody: a failing one cancels its siblings and the body in the very instant in which
    it is done, which is the first case again.
  - `waitfor` only from Python 3.12 on, where it became what it is now.

Other differences are modelled where they are, in program.c.
"""
import argparse
import os
import random
import subprocess
import sys

PYTHON = '.'.join(map(str, sys.version_info[:2]))
HERE = os.path.dirname(os.path.abspath(__file__))


class Generator:
    MOST_BODIES = 12

    def __init__(self, seed, wait_for):
        self.random = random.Random(seed)
        self.wait_for = wait_for
        self.bodies = []
        self.children = set()
        self.ids = 0

    def duration(self):
        return self.random.randrange(100_000, 4_000_000)

    def op(self, word, *arguments):
        self.ids += 1
        return ' '.join([str(self.ids), word, *map(str, arguments)])

    def block(self, word, number, *state):
        head = self.op(word, number)
        return f'{head} {{ {self.ops(*state)} }}'

    def new_body(self):
        self.bodies.append(None)
        return len(self.bodies) - 1

    def fill_body(self, number, visible, depth):
        self.bodies[number] = self.ops(number, visible, frozenset(), False, depth + 1)

    def ops(self, body, visible, held, in_group, depth):
        """`visible` are the tasks that may be named: those of this block are added to a copy."""
        visible = list(visible)
        parts = [self.one(body, visible, held, in_group, depth)
                 for _ in range(self.random.randint(1, 7 if depth < 3 else 3))]
        return ' '.join(parts)

    def one(self, body, visible, held, in_group, depth):
        choices = ['sleep'] * 8 + ['zero'] * 5 + ['event', 'queue'] * 4 + ['fail', 'return']
        later = [task for task in visible if task > body and task not in self.children]
        if later:
            choices += ['await', 'shield', 'gather'] * 3 + ['cancel']
            if self.wait_for:
                choices += ['waitfor']
        if [task for task in visible if task != body]:
            choices += ['cancel'] * 2
        if len(self.bodies) < self.MOST_BODIES and depth < 4:
            choices += ['spawn'] * 6
            if in_group:
                choices += ['child'] * 8
        if depth < 5:
            choices += ['group', 'timeout', 'try', 'finally', 'lock', 'permit'] * 2
        choice = self.random.choice(choices)
        return getattr(self, 'make_' + choice)(body, visible, held, in_group, depth, later)

    def make_sleep(self, *_):
        return self.op('sleep', self.duration())

    def make_zero(self, *_):
        return self.op('sleep', 0)

    def make_event(self, *_):
        return self.op(self.random.choice(['set', 'set', 'wait', 'wait', 'clear']),
                       self.random.randrange(2))

    def make_queue(self, *_):
        return self.op(self.random.choice(['put', 'get']), self.random.randrange(2))

    def make_fail(self, *_):
        return self.op('fail', self.random.randrange(100))

    def make_return(self, *_):
        return self.op('return', self.random.randrange(100))

    def make_await(self, body, visible, held, in_group, depth, later):
        return self.op('await', self.random.choice(later))

    def make_shield(self, body, visible, held, in_group, depth, later):
        return self.op('shield', self.random.choice(later))

    def make_waitfor(self, body, visible, held, in_group, depth, later):
        return self.op('waitfor', self.random.choice(later), self.duration())

    def make_gather(self, body, visible, held, in_group, depth, later):
        some = [self.random.choice(later) for _ in range(self.random.randint(1, 3))]
        return self.op('gather', len(some), *some)

    def make_cancel(self, body, visible, *_):
        target = self.random.choice([task for task in visible if task != body])
        return ' '.join([self.op('sleep', self.duration()), self.op('cancel', target),
                         self.op('sleep', self.duration())])

    def make_spawn(self, body, visible, held, in_group, depth, later):
        number = self.new_body()
        text = self.op('spawn', number)
        self.fill_body(number, visible + [number], depth)
        visible.append(number)
        return text

    def make_child(self, body, visible, held, in_group, depth, later):
        number = self.new_body()
        text = self.op('child', number)
        self.children.add(number)
        self.fill_body(number, visible + [number], depth)
        visible.append(number)
        return text

    def make_group(self, body, visible, held, in_group, depth, later):
        return self.block('group', 0, body, visible, held, True, depth + 1)

    def make_timeout(self, body, visible, held, in_group, depth, later):
        return self.block('timeout', self.duration(), body, visible, held, in_group, depth + 1)

    def make_try(self, body, visible, held, in_group, depth, later):
        return self.block('try', 0, body, visible, held, in_group, depth + 1)

    def make_finally(self, body, visible, held, in_group, depth, later):
        return self.block('finally', 0, body, visible, held, in_group, depth + 1)

    def make_lock(self, body, visible, held, in_group, depth, later):
        free = [lock for lock in (0, 1) if ('lock', lock) not in held]
        if not free:
            return self.make_sleep()
        lock = self.random.choice(free)
        return self.block('lock', lock, body, visible, held | {('lock', lock)}, in_group, depth + 1)

    def make_permit(self, body, visible, held, in_group, depth, later):
        return self.block('permit', self.random.randrange(2), body, visible, held, in_group,
                          depth + 1)

    def program(self):
        self.fill_body(self.new_body(), [], 0)
        self.bodies[0] += ' ' + self.op('sleep', 30_000_000)  # time for the others
        return 'program\n' + ''.join(f'body {{ {body} }}\n' for body in self.bodies)


def traces(command, text):
    """One a program; a crash ends the list early."""
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    found = run.stdout.split('program\n')[1:]
    return found, run.returncode, run.stderr.strip()


def compare(program, seeds, wait_for):
    texts = [Generator(seed, wait_for).program() for seed in seeds]
    text = ''.join(texts)
    ours, our_code, our_errors = traces([program, PYTHON], text)
    theirs, their_code, their_errors = traces(
        [sys.executable, os.path.join(HERE, 'asyncio_program.py')], text)
    if their_code or len(theirs) != len(texts):
        raise SystemExit(f'asyncio_program.py failed after {len(theirs)} programs: {their_errors}')
    differing = [seed for seed, a, b in zip(seeds, ours, theirs) if a != b]
    events = sum(trace.count('\n') for trace in theirs)
    if our_code or len(ours) != len(texts):
        print(f'{program} ended with {our_code} at seed {seeds[max(0, len(ours) - 1)]}: '
              f'{our_errors[-2000:]}')
        differing += seeds[max(0, len(ours) - 1):]
    return differing, events


def show(program, seed, wait_for):
    text = Generator(seed, wait_for).program()
    print(text)
    ours = traces([program, PYTHON], text)[0][0].splitlines()
    theirs = traces([sys.executable, os.path.join(HERE, 'asyncio_program.py')], text)[0][0]
    theirs = theirs.splitlines()
    for i in range(max(len(ours), len(theirs))):
        a = ours[i] if i < len(ours) else '-'
        b = theirs[i] if i < len(theirs) else '-'
        print(f'{"  " if a == b else "! "}{a:50} {b}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('program')
    parser.add_argument('--seeds', type=int, default=2000)
    parser.add_argument('--first', type=int, default=1)
    parser.add_argument('--show', type=int, metavar='SEED', help='print this one, side by side')
    options = parser.parse_args()
    wait_for = sys.version_info >= (3, 12)
    if sys.version_info < (3, 11):
        print('SKIP: asyncio of this Python has no TaskGroup')
        return 77
    if options.show is not None:
        show(options.program, options.show, wait_for)
        return 0
    differing, events, done = [], 0, 0
    last = options.first + options.seeds
    for start in range(options.first, last, 500):
        seeds = list(range(start, min(start + 500, last)))
        more, count = compare(options.program, seeds, wait_for)
        differing += more
        events += count
        done += len(seeds)
        if options.seeds > 5000:
            print(f'\r{done} of {options.seeds} programs, {len(differing)} differ', end='',
                  file=sys.stderr, flush=True)
    for seed in differing[:10]:
        print(f'seed {seed} differs: {sys.argv[0]} {options.program} --show {seed}')
    version = '.'.join(map(str, sys.version_info[:3]))
    left_out = '' if wait_for else ', without wait_for, which changed in 3.12'
    print(f'{done} programs, {events} events, {len(differing)} differ '
          f'(CPython {version}{left_out})')
    return 1 if differing else 0


if __name__ == '__main__':
    sys.exit(main())
