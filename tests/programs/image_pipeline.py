#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The main job from outside, and everything that can go wrong with it.

    image_pipeline.py PROGRAM        PROGRAM is the built examples/image_pipeline

Each mishap must give one clear line, keep the other pictures, leave no partial file and no process
behind, and show in the exit code.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

program = os.path.abspath(sys.argv[1])
passed, failed, skipped = [], [], []


class Skip(Exception):
    pass


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Run:
    """One run of the program in a directory of its own, in a process group of its own."""

    def __init__(self, *options, urls=None, out=None, port=None):
        self.directory = tempfile.mkdtemp(prefix="image-pipeline-")
        self.out = out or os.path.join(self.directory, "out")
        # The generated photographs are made once and shared by all runs.
        if not out:
            os.mkdir(self.out)
            os.symlink(cache, os.path.join(self.out, "photos"))
        command = [program, "--synthetic", "--out", self.out, *options]
        if urls is not None:
            listing = os.path.join(self.directory, "urls.txt")
            with open(listing, "w") as file:
                file.write("".join(url + "\n" for url in urls))
            command += ["--urls", listing]
        if port is not None:
            command += ["--port", str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, start_new_session=True)

    def wait_until_it_begins(self):
        self.first = self.process.stdout.readline()
        assert self.first, "it ended before it began"

    def finish(self, timeout=300):  # the thread sanitizer takes two minutes for four versions
        try:
            self.stdout, self.stderr = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            raise AssertionError("it hung")
        self.code = self.process.returncode
        return self

    def files(self, folder):
        path = os.path.join(self.out, folder)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def check_left_clean(self):
        for folder in ("original_images", "processed_images"):
            parts = [name for name in self.files(folder) if name.endswith(".part")]
            assert not parts, f"partial files left in {folder}: {parts}"
        deadline = time.monotonic() + 5
        while members(self.process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not members(self.process.pid), "a process was left behind"

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def members(session):
    """The living processes of a session, zombies too."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                found.append(int(name))
    return found


def photo(port, number):
    return f"http://127.0.0.1:{port}/photo/{number}.jpg"


def one_line(text, *parts):
    lines = [line for line in text.splitlines() if all(part in line for part in parts)]
    assert len(lines) == 1, f"not exactly one line with {parts}:\n{text}"


# ---- the mishaps ----


def four_versions_and_their_table():
    run = Run().finish()
    assert run.code == 0, run.stderr
    for word in ("sequential", "threads", "process", "limit", "only", "artificial"):
        assert word in run.stdout, f"no '{word}' in:\n{run.stdout}"
    assert len(run.files("original_images")) == 12
    assert len(run.files("processed_images")) == 12
    with open(os.path.join(run.out, "timeline.svg")) as file:
        assert "<svg" in file.read(400)
    run.check_left_clean()
    return run


def a_dead_url():
    port = free_port()
    run = Run("--only", "processes", port=port,
              urls=[photo(port, 1), f"http://127.0.0.1:{free_port()}/gone.jpg", photo(port, 2)]).finish()
    assert run.code == 1
    one_line(run.stderr, "image_2.jpg", "download failed", "/gone.jpg")
    assert run.files("processed_images") == ["image_1.jpg", "image_3.jpg"]
    run.check_left_clean()
    return run


def a_404():
    port = free_port()
    run = Run("--only", "limited", port=port,
              urls=[photo(port, 1), f"http://127.0.0.1:{port}/nothing.jpg"]).finish()
    assert run.code == 1
    one_line(run.stderr, "image_2.jpg", "404")
    assert run.files("processed_images") == ["image_1.jpg"]
    run.check_left_clean()
    return run


def a_truncated_jpeg_in_every_version():
    for version in ("sequential", "threads", "processes"):
        port = free_port()
        run = Run("--only", version, port=port,
                  urls=[f"http://127.0.0.1:{port}/truncated/1.jpg", photo(port, 2)]).finish()
        assert run.code == 1, version
        one_line(run.stderr, "image_1.jpg", "edge detection failed")
        assert run.files("processed_images") == ["image_2.jpg"], version
        run.check_left_clean()
        run.remove()


def a_url_that_never_answers():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = free_port()
        run = Run("--only", "processes", "--timeout", "2.5", port=port,
                  urls=[f"http://127.0.0.1:{silent.getsockname()[1]}/1.jpg", photo(port, 1)]).finish()
    assert run.code == 1
    one_line(run.stderr, "image_1.jpg", "2.5 s")
    assert run.files("processed_images") == ["image_2.jpg"]
    run.check_left_clean()
    return run


def a_full_disk():
    where = tempfile.mkdtemp(prefix="image-pipeline-full-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", where],
                      stderr=subprocess.DEVNULL).returncode:
        os.rmdir(where)
        raise Skip("mounting a small tmpfs isn't allowed here")
    try:
        os.symlink(cache, os.path.join(where, "photos"))
        run = Run("--only", "processes", out=where).finish()
        assert run.code == 1
        assert "No space left on device" in run.stderr, run.stderr
        for line in run.stderr.splitlines():
            assert "No space left" in line, f"not a clear line: {line}"
        run.check_left_clean()
        run.remove()
    finally:
        subprocess.run(["umount", where], check=True)
        os.rmdir(where)


def has_worked(process):
    """It has used some CPU time: a worker in the middle of its jobs."""
    try:
        with open(f"/proc/{process}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[11]) + int(fields[12]) > 0


def run_with_a_kill():
    run = Run("--only", "processes", "--workers", "1")
    run.wait_until_it_begins()
    others = set(members(run.process.pid))  # the program, and the server that forks its workers
    assert len(others) == 2, others
    while run.process.poll() is None:
        workers = set(members(run.process.pid)) - others
        if workers and has_worked(min(workers)):
            os.kill(workers.pop(), signal.SIGKILL)
            break
        time.sleep(0.001)
    return run.finish()


def a_worker_killed():
    for _ in range(10):
        run = run_with_a_kill()
        if run.code != 0:
            break
        run.remove()  # it died between two jobs, and was replaced: that isn't what this is about
    assert run.code == 1, f"{run.code} {run.stderr}"
    one_line(run.stderr, "edge detection failed", "killed by signal 9")
    assert len(run.files("processed_images")) == 11
    run.check_left_clean()
    return run


def interrupted_after(seconds, *options):
    run = Run(*options)
    run.wait_until_it_begins()
    time.sleep(seconds)
    run.process.send_signal(signal.SIGINT)
    run.finish(timeout=20)
    assert run.code == 130, f"exit code {run.code}\n{run.stderr}"
    one_line(run.stderr, "interrupted")
    run.check_left_clean()
    return run


def control_c_while_downloading():
    return interrupted_after(0.5, "--only", "processes")


def control_c_in_the_sequential_version():
    return interrupted_after(1.5, "--only", "sequential")


def control_c_in_threads():
    return interrupted_after(0.5, "--only", "threads")


def control_c_while_processing():
    for delay in (1.12, 1.16, 1.2):
        run = Run("--only", "processes")
        run.wait_until_it_begins()
        time.sleep(delay)
        run.process.send_signal(signal.SIGINT)
        run.finish(timeout=20)
        assert run.code in (0, 130), run.code  # it may have been through already
        run.check_left_clean()
        run.remove()


def wrong_options():
    for options, said in ((["--limit", "0"], "--limit"), (["--only", "magic"], "--only"),
                          (["--timeout", "soon"], "--timeout"), (["surplus"], "surplus"),
                          (["--urls", "/nonexistent"], "/nonexistent"), (["--port", "70000"], "--port")):
        run = Run(*options).finish()
        assert run.code in (1, 2) and said in run.stderr, f"{options}: {run.code} {run.stderr}"
        run.remove()
    run = Run("--help").finish()
    assert run.code == 0 and "--limit" in run.stdout and not run.stderr
    return run


def a_directory_that_cannot_be_made():
    run = Run("--out", "/dev/null/here").finish()
    assert run.code == 1
    one_line(run.stderr, "/dev/null/here")
    return run


# ---- the frame ----

cache = tempfile.mkdtemp(prefix="image-pipeline-photos-")
tests = [four_versions_and_their_table, a_dead_url, a_404, a_truncated_jpeg_in_every_version,
         a_url_that_never_answers, a_full_disk, a_worker_killed, control_c_while_downloading,
         control_c_in_the_sequential_version, control_c_in_threads, control_c_while_processing,
         wrong_options, a_directory_that_cannot_be_made]
only = sys.argv[2:]
try:
    for test in tests:
        if only and test.__name__ not in only:
            continue
        try:
            run = test()
            passed.append(test)
            print(f"[       OK ] {test.__name__}", flush=True)
            if run:
                run.remove()
        except Skip as reason:
            skipped.append(test)
            print(f"SKIP: {test.__name__}: {reason}", flush=True)
        except AssertionError as error:
            failed.append(test)
            print(f"[  FAILED  ] {test.__name__}: {error}", flush=True)
finally:
    shutil.rmtree(cache, ignore_errors=True)
print(f"[==========] {len(passed) + len(failed) + len(skipped)} test(s) run.")
print(f"[  PASSED  ] {len(passed)} test(s).")
if skipped:
    print(f"[  SKIPPED ] {len(skipped)} test(s).")
if failed:
    print(f"[  FAILED  ] {len(failed)} test(s).")
sys.exit(1 if failed else 0)
