#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The chat server and the TCP proxy among clients that aren't ours.

    servers.py CHAT_SERVER TCP_PROXY
"""
import contextlib
import http.server
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading

chat_server, tcp_proxy = sys.argv[1:]


@contextlib.contextmanager
def running(*command):
    """Runs a server and gives the address that it says it listens on; ends it by Ctrl-C."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding='utf-8')
    try:
        for line in process.stderr:
            if line.startswith('listening on '):
                break
        yield line.split()[2]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stderr.close()


def port_of(address):
    return int(re.search(r':(\d+)$', address)[1])


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f'{what}: {got!r:.200}, not {wanted!r:.200}')
    print(f'{what}: well')


def member(where, name):
    kind = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    one = socket.socket(kind)
    one.settimeout(20)
    one.connect(where)
    one.sendall(name.encode() + b'\n')
    return one, one.makefile('rb')


def chat(where, what, *client):
    """One listens by Python's socket, the other talks by that client."""
    listener, lines = member(where, 'Ada')
    with listener:
        heard = (line for line in lines if line.startswith(b'Bob'))  # the last listener's leave may follow
        talker = subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        talker.stdin.write(b'Bob\nhello\n')
        talker.stdin.flush()
        said = next(heard), next(heard)
        talker.kill()
        talker.wait()
        talker.stdin.close()
        said += (next(heard),)
    expect(what, said, (b'Bob is here\n', b'Bob: hello\n', b'Bob has gone\n'))


def chats(folder):
    path = os.path.join(folder, 'chat')
    with running(chat_server, '0') as address:
        port = port_of(address)
        where = ('127.0.0.1', port)
        clients = {'nc': ('nc', '127.0.0.1', str(port)),
                   'socat': ('socat', '-', f'TCP:127.0.0.1:{port}'),
                   'curl': ('curl', '-sN', f'telnet://127.0.0.1:{port}')}
        for name, command in clients.items():
            if shutil.which(name):
                chat(where, f'chat by {name}', *command)
            else:
                print(f'SKIP: {name} is not installed')
    with running(chat_server, f'unix:{path}') as address:
        expect('a path', address, f'unix:{path}')
        first, lines = member(path, 'Ada')
        with first, member(path, 'Bob')[0]:
            expect('chat over a path', lines.readline(), b'Bob is here\n')
    expect('the path afterwards', os.path.exists(path), False)


def activated(folder):
    if not shutil.which('systemd-socket-activate'):
        print('SKIP: systemd-socket-activate is not installed')
        return
    path = os.path.join(folder, 'activated')
    process = subprocess.Popen(['systemd-socket-activate', '-l', path, chat_server],
                               stderr=subprocess.PIPE, encoding='utf-8')
    process.stderr.readline()  # it listens
    first, lines = member(path, 'Ada')
    with first, member(path, 'Bob')[0]:
        expect('chat by socket activation', lines.readline(), b'Bob is here\n')
    process.send_signal(signal.SIGINT)
    process.wait(20)
    process.stderr.close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '1000000')
        self.end_headers()
        self.wfile.write(b'x' * 1000000)

    def log_message(self, *_):
        pass


class Echo(socketserver.BaseRequestHandler):
    """All of it back, and then the end: the client's own end has to come through first."""

    def handle(self):
        data = b''
        while piece := self.request.recv(65536):
            data += piece
        self.request.sendall(data)


def nc_can_end():
    """OpenBSD's can end its side alone; the traditional one can't."""
    usage = subprocess.run(['nc', '-h'], check=False, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, encoding='utf-8').stdout
    return re.search(r'^\s*-N\b', usage, re.M) is not None


def proxied_echo():
    data = os.urandom(1000000)
    behind = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Echo)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    with running(tcp_proxy, '0', '127.0.0.1', str(behind.server_address[1])) as address:
        port = str(port_of(address))
        clients = {'nc': ('nc', '-N', '127.0.0.1', port),
                   'socat': ('socat', '-t', '100', '-', f'TCP:127.0.0.1:{port}')}
        for name, command in clients.items():
            if not shutil.which(name) or (name == 'nc' and not nc_can_end()):
                print(f'SKIP: {name} is not installed, or not the one of OpenBSD')
                continue
            got = subprocess.run(command, input=data, check=True, timeout=100,
                                 stdout=subprocess.PIPE).stdout
            expect(f'a megabyte by {name} to the proxy and back', got, data)
    behind.shutdown()


def proxy():
    behind = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    with running(tcp_proxy, '0', '127.0.0.1', str(behind.server_address[1])) as address:
        if shutil.which('curl'):
            got = subprocess.run(['curl', '-s', '-m', '20', f'http://{address}/'], check=True,
                                 stdout=subprocess.PIPE).stdout
            expect('a megabyte by curl through the proxy', got, b'x' * 1000000)
        else:
            print('SKIP: curl is not installed')
    behind.shutdown()


with tempfile.TemporaryDirectory() as folder:
    chats(folder)
    activated(folder)
proxied_echo()
proxy()
