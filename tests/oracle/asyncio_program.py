#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the oracle's programs in CPython's asyncio, on a virtual clock.

Reads programs from stdin (oracle.py tells their form), writes their traces to stdout. What is done
here is asyncio's own; where program.c has to do more than call the function of the same name, it
says why.
"""
import asyncio
import collections
import selectors
import sys


class VirtualSelector(selectors.SelectSelector):
    """Nothing ever becomes ready: a wait only moves the clock."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError('nothing can ever happen')
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)
        self._clock_resolution = 1e-9

    def time(self):
        return self.virtual.now


class HandingQueue:
    """Deliberate difference: an item goes to the task that waits for it; in asyncio.Queue the task
    is only woken, and another one that comes meanwhile may take the item."""

    def __init__(self, limit):
        self.limit, self.items = limit, collections.deque()
        self.getters, self.putters = collections.deque(), collections.deque()

    @staticmethod
    def first(waiters):
        while waiters:
            waiter = waiters.popleft()
            if not waiter[0].done():
                return waiter
        return None

    async def put(self, item):
        getter = self.first(self.getters)
        if getter:
            getter[0].set_result(item)
        elif len(self.items) < self.limit:
            self.items.append(item)
        else:
            future = asyncio.get_running_loop().create_future()
            self.putters.append((future, item))
            await future

    async def get(self):
        if self.items:
            item = self.items.popleft()
            putter = self.first(self.putters)
            if putter:
                self.items.append(putter[1])
                putter[0].set_result(None)
            return item
        future = asyncio.get_running_loop().create_future()
        self.getters.append((future,))
        return await future


class InOrder(dict):
    """A TaskGroup's children: asyncio keeps a set and cancels them in an order that is by chance."""

    def add(self, task):
        self[task] = None

    def discard(self, task):
        self.pop(task, None)


class Fail(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Return(Exception):
    """Not an error: how `return` gets out of nested blocks here."""


def name(error):
    if isinstance(error, BaseExceptionGroup):
        return '[' + ' '.join(name(e) for e in error.exceptions) + ']'
    if isinstance(error, Fail):
        return str(error.code)
    if isinstance(error, TimeoutError):
        return 'timeout'
    if isinstance(error, asyncio.CancelledError):
        return 'cancelled'
    if isinstance(error, RuntimeError):
        return 'refused'
    raise error


class Program:
    def __init__(self, bodies):
        self.bodies = bodies
        self.tasks = {}
        self.trace = []
        self.over = False
        self.joining = {}  # tasks that wait for a group's end: its children
        self.locks = [asyncio.Lock() for _ in range(2)]
        self.semaphores = [asyncio.Semaphore(2) for _ in range(2)]
        self.events = [asyncio.Event() for _ in range(2)]
        self.queues = [HandingQueue(1), HandingQueue(2)]

    def note(self, body, op, what):
        if self.over:
            return  # asyncio cancels what is left in no particular order
        now = round(asyncio.get_running_loop().time() * 1e6)
        self.trace.append(f'{now} {body} {op} {what}')

    async def task(self, body):
        self.note(body, 0, 'begins')
        value = []
        try:
            await self.run(body, self.bodies[body], None, value)
        except asyncio.CancelledError:
            self.note(body, 0, 'ends cancelled')
            raise
        except Return:
            pass
        except Exception as error:
            self.note(body, 0, f'ends {name(error)}')
            raise
        self.note(body, 0, f'ends with {value[0] if value else 0}')
        return value[0] if value else 0

    async def run(self, body, ops, group, value):
        for op in ops:
            await getattr(self, 'do_' + op[1])(body, op, group, value)

    async def do_sleep(self, body, op, group, value):
        await asyncio.sleep(op[2] / 1e6)
        self.note(body, op[0], 'slept')

    async def do_spawn(self, body, op, group, value):
        self.tasks[op[2]] = asyncio.create_task(self.task(op[2]))

    async def do_child(self, body, op, group, value):
        coroutine = self.child(op[2], group)
        try:
            self.tasks[op[2]] = group.create_task(coroutine)
        except RuntimeError:
            coroutine.close()
            self.note(body, op[0], 'refused')

    async def child(self, body, group):
        """Deliberate differences: a child's end counts at once, not a turn later, so that no sibling
        begins after a failure, and a child that has ended is not waited for."""
        try:
            return await self.task(body)
        except Exception as error:
            group._errors.append(error)
            if not group._aborting and not group._parent_cancel_requested:
                group._aborting = True
                for task in group._tasks:
                    self.cancel(task)
                if not group.left:  # else it waits for its children anyway
                    group._parent_cancel_requested = True
                    self.cancel(group._parent_task)
            return None

    def cancel(self, task):
        """Deliberate difference: who waits for a group's children passes a cancel on to them at
        once, not a turn later."""
        for child in self.joining.get(task, ()):
            self.cancel(child)
        return task.cancel()

    def known(self, body, op, number):
        task = self.tasks.get(number)
        if task is None or task is asyncio.current_task():
            self.note(body, op[0], 'none')
            return None
        return task

    async def outcome(self, body, op, awaitable):
        """A cancelled task's awaiter isn't cancelled itself: noted, and it goes on."""
        try:
            result = await awaitable
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():
                raise
            self.note(body, op[0], 'was cancelled')
        else:
            self.note(body, op[0], f'gave {result}'.replace(',', ''))

    async def do_await(self, body, op, group, value):
        task = self.known(body, op, op[2])
        if task:
            await self.outcome(body, op, task)

    async def do_shield(self, body, op, group, value):
        task = self.known(body, op, op[2])
        if task:
            await self.outcome(body, op, asyncio.shield(task))

    async def do_gather(self, body, op, group, value):
        tasks = [self.known(body, op, number) for number in op[3]]
        if not all(tasks):
            return
        results = await asyncio.gather(*tasks, return_exceptions=True)
        self.note(body, op[0], 'gathered ' + ' '.join(
            name(r) if isinstance(r, BaseException) else str(r) for r in results))

    async def do_cancel(self, body, op, group, value):
        task = self.known(body, op, op[2])
        if task:
            self.note(body, op[0], f'cancel {int(self.cancel(task))}')

    async def do_lock(self, body, op, group, value):
        lock = self.locks[op[2]]
        async with lock:
            self.note(body, op[0], 'locked')
            await self.run(body, op[3], group, value)

    async def do_permit(self, body, op, group, value):
        async with self.semaphores[op[2]]:
            self.note(body, op[0], 'permitted')
            await self.run(body, op[3], group, value)

    async def do_set(self, body, op, group, value):
        self.events[op[2]].set()

    async def do_clear(self, body, op, group, value):
        self.events[op[2]].clear()

    async def do_wait(self, body, op, group, value):
        await self.events[op[2]].wait()
        self.note(body, op[0], 'event')

    async def do_put(self, body, op, group, value):
        await self.queues[op[2]].put(op[0])
        self.note(body, op[0], 'put')

    async def do_get(self, body, op, group, value):
        item = await self.queues[op[2]].get()
        self.note(body, op[0], f'got {item}')

    async def do_timeout(self, body, op, group, value):
        async with asyncio.timeout(op[2] / 1e6):
            await self.run(body, op[3], group, value)

    async def do_waitfor(self, body, op, group, value):
        task = self.known(body, op, op[2])
        if task:
            await self.outcome(body, op, asyncio.wait_for(task, op[3] / 1e6))

    async def do_group(self, body, op, group, value):
        returned, failure = False, None
        before = asyncio.current_task().cancelling()
        try:
            async with asyncio.TaskGroup() as inner:
                inner._tasks = InOrder()
                inner.left = False
                try:
                    await self.run(body, op[3], inner, value)
                except Return:  # asyncio.TaskGroup, too, waits for its children at a return
                    returned = True
                except Exception as error:
                    failure = error
                    raise
                finally:
                    inner.left = True
                    self.joining[asyncio.current_task()] = inner._tasks
                    for task in list(inner._tasks):
                        if task.done():
                            inner._tasks.discard(task)
        except BaseExceptionGroup as group_error:
            # Before 3.13 a group that fails while it waits leaves its own cancel counted (rule 96).
            if inner._parent_cancel_requested and asyncio.current_task().cancelling() > before:
                asyncio.current_task().uncancel()
            raise self.eddy_shape(group_error, failure) from None
        finally:
            self.joining.pop(asyncio.current_task(), None)
        if returned:
            raise Return
        self.note(body, op[0], 'joined')

    def eddy_shape(self, group, failure):
        """Deliberate difference: the body's own error alone isn't wrapped, and stands last."""
        errors = [error for error in group.exceptions if error is not failure]
        if not errors:
            return failure
        return ExceptionGroup('', errors + ([failure] if failure else []))

    async def do_try(self, body, op, group, value):
        try:
            await self.run(body, op[3], group, value)
        except Return:
            raise
        except Exception as error:
            self.note(body, op[0], f'caught {name(error)}')

    async def do_finally(self, body, op, group, value):
        try:
            await self.run(body, op[3], group, value)
        finally:
            self.note(body, op[0], 'cleaned up')

    async def do_fail(self, body, op, group, value):
        raise Fail(op[2])

    async def do_return(self, body, op, group, value):
        value.append(op[2])
        raise Return


def parse(words):
    """Operations up to the closing brace: [number, word, arguments...]."""
    ops = []
    while words and words[-1] != '}':
        op = [int(words.pop()), words.pop()]
        if op[1] in ('sleep', 'spawn', 'child', 'await', 'shield', 'cancel', 'set', 'clear', 'wait',
                     'put', 'get', 'fail', 'return'):
            op.append(int(words.pop()))
        elif op[1] == 'waitfor':
            op += [int(words.pop()), int(words.pop())]
        elif op[1] == 'gather':
            count = int(words.pop())
            op += [count, [int(words.pop()) for _ in range(count)]]
        else:  # a block: number, braces
            op.append(int(words.pop()))
            assert words.pop() == '{'
            op.append(parse(words))
            assert words.pop() == '}'
        ops.append(op)
    return ops


def run(text):
    words = text.split()[::-1]
    bodies = []
    while words:
        assert words.pop() == 'body'
        assert words.pop() == '{'
        bodies.append(parse(words))
        assert words.pop() == '}'
    trace = []

    async def main():
        program = Program(bodies)
        program.trace = trace
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        try:
            async with asyncio.timeout(1000):
                await program.task(0)
        except TimeoutError:
            if asyncio.get_running_loop().time() >= 1000:
                program.note(0, 0, 'stuck')
        except Exception:
            pass
        program.over = True
        for task in program.tasks.values():  # seen by nobody: no reports at the end
            if task.done() and not task.cancelled():
                task.exception()

    runner = asyncio.Runner(loop_factory=VirtualLoop)
    with runner:
        runner.run(main())
    return trace


if __name__ == '__main__':
    for text in sys.stdin.read().split('program\n')[1:]:
        print('program')
        print('\n'.join(run(text)))
