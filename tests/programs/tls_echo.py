#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The TLS echo against programs that aren't eddy: openssl's s_client and s_server, curl, Python's ssl.

    tls_echo.py PROGRAM        PROGRAM is the built examples/tls_echo

What isn't installed is left out, and said so. They connect to an address: without /etc/hosts their
resolvers don't know localhost.
"""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

program = os.path.abspath(sys.argv[1])
home = tempfile.mkdtemp(prefix="tls-echo-")
pem, key = os.path.join(home, "server.pem"), os.path.join(home, "server.key")
PIECE = 32768
PATIENCE = 60


class Skip(Exception):
    pass


def need(name):
    if not shutil.which(name):
        raise Skip(f"there is no {name} here")


def run(*command, text="", check=None):
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8",
                          errors="replace", timeout=PATIENCE)
    if check is not None and (done.returncode == 0) != check:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Echo:
    """The server, on a port of its own choice."""

    def __enter__(self):
        self.process = subprocess.Popen([program, "serve", "0", pem, key], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, encoding="utf-8")
        self.port = int(self.process.stdout.readline().split()[-1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.errors = self.process.communicate(timeout=PATIENCE)[1]


def trusting():
    return ssl.create_default_context(cafile=pem)


def s_client_of_both_versions():
    with Echo() as echo:
        for version in ("-tls1_2", "-tls1_3"):
            client = subprocess.Popen(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{echo.port}", "-CAfile", pem, version,
                 "-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error",
                 "-quiet"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                encoding="utf-8")
            client.stdin.write("hello\n")
            client.stdin.flush()
            assert client.stdout.readline() == "hello\n"
            client.kill()
            client.communicate()


def s_client_of_an_old_version_is_refused():
    with Echo() as echo:
        done = run("openssl", "s_client", "-connect", f"127.0.0.1:{echo.port}", "-tls1_1", "-cipher",
                   "ALL:@SECLEVEL=0", check=False)
        assert "alert protocol version" in done.stderr, done.stderr


def curl_reads_what_it_wrote():
    need("curl")
    with Echo() as echo:
        client = subprocess.Popen(["curl", "-sSN", "--http0.9", "--cacert", pem,
                                   f"https://localhost:{echo.port}/hello"],
                                  stdout=subprocess.PIPE, encoding="utf-8")
        line = client.stdout.readline()
        client.kill()
        client.communicate()
        assert line == "GET /hello HTTP/1.1\n", line


def socat_ends_its_side_and_has_it_all_back():
    need("socat")
    with Echo() as echo:
        done = run("socat", "-t", "50", "-",
                   f"OPENSSL:127.0.0.1:{echo.port},commonname=localhost,cafile={pem}",
                   text="hello\n" * 10000, check=True)
        assert done.stdout == "hello\n" * 10000, len(done.stdout)


def python_with_a_good_end():
    data = os.urandom(1 << 20)
    with Echo() as echo:
        with socket.create_connection(("127.0.0.1", echo.port), timeout=PATIENCE) as plain:
            stream = trusting().wrap_socket(plain, server_hostname="localhost",
                                            suppress_ragged_eofs=False)
            back = b""
            # In one thread: two may not use an SSL object of Python's at the same time.
            for start in range(0, len(data), PIECE):
                stream.sendall(data[start:start + PIECE])
                while len(back) < min(start + PIECE, len(data)):
                    back += stream.recv(65536)
            assert back == data
            stream.unwrap()  # both say the end
    assert not echo.errors, echo.errors


def s_server_turns_lines_round():
    server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", pem,
                               "-key", key],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
    try:
        line = server.stdout.readline()
        while not line.startswith("ACCEPT "):
            line = server.stdout.readline()
        done = run(program, "visit", "localhost", line.split(":")[-1].strip(), pem, check=True)
        assert done.stdout.splitlines() == ["TLSv1.3: SLT revo olleh", "TLSv1.3, resumed: SLT revo olleh"], \
            done.stdout
    finally:
        server.kill()
        server.communicate()


def serve_by_python(handle):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener:
            for _ in range(2):
                try:
                    handle(context, listener.accept()[0])
                except (OSError, ssl.SSLError):
                    pass

    threading.Thread(target=serve, daemon=True).start()
    return str(listener.getsockname()[1])


def python_serves_and_ends_well():
    def handle(context, plain):
        stream = context.wrap_socket(plain, server_side=True)
        stream.sendall(stream.recv(100))
        assert stream.recv(100) == b""
        stream.unwrap().close()

    done = run(program, "visit", "localhost", serve_by_python(handle), pem, check=True)
    assert done.stdout.splitlines()[0] == "TLSv1.3: hello over TLS", done.stdout


def python_cuts_off():
    def handle(context, plain):
        stream = context.wrap_socket(plain, server_side=True)
        stream.recv(100)
        stream.sendall(b"hello, and")
        stream.close()  # without unwrap

    done = run(program, "visit", "localhost", serve_by_python(handle), pem, check=False)
    assert "ECONNABORTED" in done.stderr and "without TLS's end" in done.stderr, done.stderr


def a_stranger_is_refused():
    def handle(context, plain):
        context.wrap_socket(plain, server_side=True).recv(1)

    done = run(program, "visit", "localhost", serve_by_python(handle), check=False)
    assert "EKEYREJECTED" in done.stderr and "self-signed, and not among the roots" in done.stderr, \
        done.stderr


def main():
    if not shutil.which("openssl"):
        print("SKIP: there is no openssl command here to make a certificate")
        return 77
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
        key, "-out", pem, check=True)
    failed = 0
    for case in (s_client_of_both_versions, s_client_of_an_old_version_is_refused,
                 curl_reads_what_it_wrote,
                 socat_ends_its_side_and_has_it_all_back, python_with_a_good_end, s_server_turns_lines_round,
                 python_serves_and_ends_well, python_cuts_off, a_stranger_is_refused):
        try:
            case()
            print(f"ok: {case.__name__}")
        except Skip as reason:
            print(f"SKIP: {reason}")
        except (AssertionError, OSError, ssl.SSLError, subprocess.SubprocessError) as error:
            print(f"FAILED: {case.__name__}: {error!r}")
            failed += 1
    shutil.rmtree(home)
    return 1 if failed else 0


sys.exit(main())
