#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the examples make of their arguments.

    command_lines.py PROGRAM...
"""
import os
import subprocess
import sys

programs = {os.path.basename(path): path for path in sys.argv[1:]}


def run(name, *arguments, **more):
    done = subprocess.run([programs[name], *arguments], check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding='utf-8', timeout=60,
                          env={**os.environ, **more})
    return done.returncode, done.stdout, done.stderr


def expect(what, good, got):
    if not good:
        sys.exit(f'{what}: {got}')
    print(f'{what}: well')


for program in programs:
    for arguments, status in (['--help'], 0), (['-h'], 0), (['a'] * 9, 2):
        got = run(program, *arguments)
        text, other = got[1:] if status == 0 else got[:0:-1]
        expect(f'{program} {" ".join(arguments)}',
               got[0] == status and text.startswith(f'usage: {program}') and other == '', got)

# Each, in the place of a port.
for program, before, after in (('chat_server', [], []), ('tcp_proxy', [], ['localhost', '1']),
                               ('tcp_proxy', ['1', 'localhost'], []),
                               ('tls_echo', ['serve'], ['no.pem', 'no.key']),
                               ('tls_echo', ['visit', 'localhost'], [])):
    if program not in programs:
        continue
    for port in ('', 'http', '80x', ' 80', '-1', '+80', '65536', '99999999999999999999'):
        got = run(program, *before, port, *after)
        expect(f'{program}, port "{port}"', got[0] in (1, 2) and f"'{port}' is no port" in got[2], got)

if 'chat_server' in programs: # not another address instead of what it can't make out
    got = run('chat_server', 'unix:/nowhere/chat', LISTEN_PID='1', LISTEN_FDS='two')
    expect('chat_server, LISTEN_FDS=two', got[0] == 1 and "LISTEN_FDS='two': not numbers" in got[2], got)
