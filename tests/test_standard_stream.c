/* SPDX-License-Identifier: MIT */
/* Standard streams: terminals, pipes, sockets, files, nothing at all; each in a child of its
 * own. */
#include <sys/wait.h>
#include <termios.h>
#define TEST_DEFAULTS .real_system = true
#include "stream_pairs.h"
#include "support/terminal.h"
#include "support/folder.h"

/* Runs a program with these as its standard input and output (-1: closed): its exit status, 0 if it
 * passed. */
static pid_t start(int input, int output, int (*program)(void))
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    input = input < 0 ? -1 : fcntl(input, F_DUPFD_CLOEXEC, 100);
    output = output < 0 ? -1 : fcntl(output, F_DUPFD_CLOEXEC, 100);
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    for (int i = STDERR_FILENO + 1; i < 100;
         i++) /* as if executed: no other end of a pipe is here */
        (void)close(i);
    (void)alarm(20); /* and no child stays */
    if ((input >= 0 && dup2(input, STDIN_FILENO) < 0) ||
        (output >= 0 && dup2(output, STDOUT_FILENO) < 0))
        _exit(2);
    (void)close(input);
    (void)close(output);
    int r = test_run(program);
    if (test_state.file)
        fprintf(stderr, "%s:%d: %s\n", test_state.file, test_state.line, test_state.why);
    _exit(r != 0 || test_state.file); /* nothing is put back by atexit() or the like */
}

static bool passed(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return EXPECT_INT(status, 0);
}

static bool is_blocking(int descriptor)
{
    return !(fcntl(descriptor, F_GETFL) & O_NONBLOCK);
}

/* Gives each line back with a number in front. */
static int number_lines(void)
{
    eddy_stream *input = NULL, *output = NULL;
    char line[64], numbered[80];
    ssize_t n;
    CHECK_INT(eddy_standard_input(&input), 0);
    CHECK_INT(eddy_standard_output(&output), 0);
    for (int i = STDERR_FILENO + 1, flags; i < 100; i++) /* no other program inherits ours */
        CHECK((flags = fcntl(i, F_GETFD)) < 0 || flags & FD_CLOEXEC);
    for (int i = 1; (n = eddy_stream_read_line(input, line, sizeof line)) > 0; i++) {
        int size = snprintf(numbered, sizeof numbered, "%d %s", i, line);
        CHECK_INT(eddy_stream_write(output, numbered, (size_t)size), size);
    }
    CHECK_INT(n, 0);
    eddy_stream_close(input);
    eddy_stream_close(output);
    CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* these stay open */
    CHECK(fcntl(STDOUT_FILENO, F_GETFD) >= 0);
    return 0;
}

static const char three[] = "one\ntwo\nthree", numbered_three[] = "1 one\n2 two\n3 three";

static bool reads(int descriptor, const char *expected)
{
    char buffer[256] = "";
    size_t have = 0, size = strlen(expected);
    while (have < size) {
        ssize_t n = read(descriptor, buffer + have, size - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    return EXPECT_TEXT(buffer, expected);
}

PLAIN_TEST(pipes)
{
    int in[2], out[2];
    EXPECT_INT(pipe2(in, O_CLOEXEC), 0);
    EXPECT_INT(pipe2(out, O_CLOEXEC), 0);
    pid_t child = start(in[0], out[1], number_lines);
    EXPECT_INT(write(in[1], three, 5), 5);
    EXPECT(reads(out[0], "1 one\n"));
    EXPECT_INT(write(in[1], three + 5, sizeof three - 6), sizeof three - 6);
    close(in[1]);
    EXPECT(passed(child));
    EXPECT(reads(out[0], numbered_three + 6));
    EXPECT(is_blocking(in[0])); /* the same open file as the child's */
    EXPECT(is_blocking(out[1]));
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

PLAIN_TEST(sockets)
{
    int in[2], out[2];
    descriptor_pair(PAIR_UNIX, in);
    descriptor_pair(PAIR_TCP, out);
    pid_t child = start(in[0], out[1], number_lines);
    EXPECT_INT(write(in[1], three, sizeof three - 1), sizeof three - 1);
    close(in[1]);
    EXPECT(reads(out[0], numbered_three));
    EXPECT(passed(child));
    EXPECT(is_blocking(in[0]));
    EXPECT(is_blocking(out[1]));
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

static int temporary_file(void)
{
    char path[TEST_PATH];
    int descriptor = mkostemp(test_path(path, test_folder(), "eddy-standard-XXXXXX"), O_CLOEXEC);
    (void)unlink(path);
    return descriptor;
}

PLAIN_TEST(files_from_where_they_stand)
{
    int in = temporary_file(), out = temporary_file();
    EXPECT_INT(write(in, "before\n", 7), 7);
    EXPECT_INT(write(in, three, sizeof three - 1), sizeof three - 1);
    EXPECT_INT(lseek(in, 7, SEEK_SET), 7);
    EXPECT_INT(write(out, "kept\n", 5), 5);
    EXPECT(passed(start(in, out, number_lines)));
    EXPECT_INT(lseek(in, 0, SEEK_CUR), 7 + sizeof three - 1);
    EXPECT_INT(lseek(out, 0, SEEK_SET), 0);
    EXPECT(reads(out, "kept\n1 one\n2 two\n3 three"));
    close(in);
    close(out);
}

/* Which epoll would watch. */
PLAIN_TEST(a_file_of_the_system)
{
    int in = open("/proc/sys/kernel/ostype", O_RDONLY | O_CLOEXEC), out = temporary_file();
    EXPECT(in >= 0);
    EXPECT(passed(start(in, out, number_lines)));
    EXPECT_INT(lseek(out, 0, SEEK_SET), 0);
    EXPECT(reads(out, "1 Linux\n"));
    close(in);
    close(out);
}

enum { BLOCKS = 3000, BLOCK = 4096 };

static int write_blocks(void)
{
    eddy_stream *output = NULL;
    static const char block[BLOCK];
    CHECK_INT(eddy_standard_output(&output), 0);
    for (int i = 0; i < BLOCKS; i++)
        CHECK_INT(eddy_stream_write(output, block, BLOCK), BLOCK);
    eddy_stream_close(output);
    return 0;
}

/* As a program and its children into a log: one's bytes don't land on top of another's. */
PLAIN_TEST(a_file_that_several_processes_write_to)
{
    static const char block[BLOCK];
    int out = temporary_file();
    pid_t one = start(out, out, write_blocks), other = start(out, out, write_blocks);
    for (int i = 0; i < BLOCKS; i++)
        if (write(out, block, BLOCK) != BLOCK)
            EXPECT(false);
    EXPECT(passed(one));
    EXPECT(passed(other));
    EXPECT_INT(lseek(out, 0, SEEK_END), 3 * BLOCKS * BLOCK);
    close(out);
}

PLAIN_TEST(appended_to)
{
    int in = temporary_file(), out = temporary_file();
    EXPECT_INT(write(in, three, sizeof three - 1), sizeof three - 1);
    EXPECT_INT(lseek(in, 0, SEEK_SET), 0);
    EXPECT_INT(write(out, "kept\n", 5), 5);
    EXPECT_INT(fcntl(out, F_SETFL, O_APPEND), 0);
    EXPECT_INT(lseek(out, 0, SEEK_SET), 0);
    EXPECT(passed(start(in, out, number_lines)));
    EXPECT_INT(lseek(out, 0, SEEK_SET), 0);
    EXPECT(reads(out, "kept\n1 one\n2 two\n3 three"));
    close(in);
    close(out);
}

PLAIN_TEST(a_terminal)
{
    int master, slave;
    struct termios raw;
    if (!terminal_open(&master, &slave))
        return;
    EXPECT_INT(tcgetattr(slave, &raw), 0);
    raw.c_lflag &= ~(tcflag_t)ECHO;
    raw.c_oflag &= ~(tcflag_t)OPOST;
    EXPECT_INT(tcsetattr(slave, TCSANOW, &raw), 0);
    pid_t child = start(slave, slave, number_lines);
    EXPECT_INT(write(master, "one\ntwo\n", 8), 8); /* two lines at once, a read gives one */
    EXPECT(reads(master, "1 one\n2 two\n"));
    EXPECT_INT(write(master, "\4", 1), 1); /* Ctrl-D */
    EXPECT(passed(child));
    EXPECT(is_blocking(slave));
    close(master);
    close(slave);
}

/* A master's name stands for no terminal: who opens it gets a new one. */
PLAIN_TEST(the_other_side_of_a_terminal)
{
    int master, slave;
    struct termios raw;
    if (!terminal_open(&master, &slave))
        return;
    EXPECT_INT(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    EXPECT_INT(tcsetattr(slave, TCSANOW, &raw), 0);
    pid_t child = start(master, master, number_lines);
    EXPECT_INT(write(slave, "one\ntwo\n", 8), 8);
    EXPECT(reads(slave, "1 one\n2 two\n"));
    close(slave);
    EXPECT(passed(child));
    EXPECT(is_blocking(master)); /* with the last of its streams */
    close(master);
}

static int open_without_a_terminal(void)
{
    eddy_stream *input = NULL;
    CHECK(setsid() > 0);
    CHECK_INT(eddy_standard_input(&input), 0);
    CHECK_INT(open("/dev/tty", O_RDWR | O_CLOEXEC), -1);
    CHECK_INT(errno, ENXIO);
    eddy_stream_close(input);
    return 0;
}

PLAIN_TEST(a_terminal_that_was_opened_doesnt_control_the_process)
{
    int master, slave;
    if (!terminal_open(&master, &slave))
        return;
    EXPECT(passed(start(slave, slave, open_without_a_terminal)));
    close(master);
    close(slave);
}

PLAIN_TEST(nothing_behind_them)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    EXPECT(passed(start(null, null, number_lines)));
    close(null);
}

static int find_them_closed(void)
{
    eddy_stream *stream = NULL;
    (void)close(STDIN_FILENO);
    CHECK_INT(eddy_standard_input(&stream), -EBADF);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "the standard input: Bad file descriptor");
    CHECK_INT(eddy_standard_input(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_standard_input: nowhere to put the stream");
    return 0;
}

PLAIN_TEST(closed_ones)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    EXPECT(passed(start(null, null, find_them_closed)));
    close(null);
}

static int start_without_them(void)
{
    eddy_stream *stream = NULL, *one, *other;
    CHECK_INT(eddy_stream_pair(&one, &other), 0);
    CHECK(eddy_stream_descriptor(one) > STDERR_FILENO &&
          eddy_stream_descriptor(other) > STDERR_FILENO);
    CHECK_INT(eddy_standard_input(&stream), -EBADF);
    CHECK_INT(eddy_standard_output(&stream), -EBADF);
    CHECK_INT(write(STDOUT_FILENO, "printed", 7), -1);
    CHECK_INT(errno, EBADF);
    eddy_stream_close(one);
    eddy_stream_close(other);
    return 0;
}

PLAIN_TEST(what_is_printed_without_an_output_gets_into_no_socket)
{
    EXPECT(passed(start(-1, -1, start_without_them)));
}

/* ---- while others go on ---- */

enum { MUCH = 1 << 20 };

struct tick {
    int *count;
};
static int tick(struct tick *a)
{
    int r;
    while ((r = eddy_sleep(0.001)) == 0)
        if (++*a->count == 3)
            CHECK_INT(write(STDIN_FILENO, "t", 1), 1); /* which is a pipe's other end */
    return r;
}

static int write_much(void)
{
    eddy_stream *output = NULL;
    static char data[MUCH];
    int count = 0, err;
    pattern_fill(data, sizeof data, 0);
    CHECK_INT(eddy_standard_output(&output), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, tick, .count = &count);
        CHECK_INT(eddy_stream_write(output, data, sizeof data), MUCH);
        eddy_group_cancel(g);
    }
    eddy_stream_close(output);
    CHECK(count >= 3);
    return 0;
}

static void much_through(int from, int to)
{
    static char buffer[4096];
    int ticked[2];
    EXPECT_INT(pipe2(ticked, O_CLOEXEC), 0);
    pid_t child = start(ticked[1], to, write_much);
    close(to);
    close(ticked[1]);
    EXPECT_INT(read(ticked[0], buffer, 1), 1); /* while it can't write on */
    close(ticked[0]);
    size_t have = 0;
    ssize_t n;
    while ((n = read(from, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0) {
            EXPECT(pattern_holds(buffer, (size_t)n, have));
            have += (size_t)n;
        }
    }
    EXPECT_INT(have, MUCH);
    EXPECT(passed(child));
    close(from);
}

PLAIN_TEST(a_slow_reader_stops_nobody_else)
{
    int out[2];
    EXPECT_INT(pipe2(out, O_CLOEXEC), 0);
    much_through(out[0], out[1]);
    descriptor_pair(PAIR_UNIX, out);
    much_through(out[0], out[1]);
}

static int give_up_and_read_again(void)
{
    eddy_stream *input = NULL, *output = NULL;
    char line[16];
    int err;
    CHECK_INT(eddy_standard_input(&input), 0);
    CHECK_INT(eddy_standard_output(&output), 0);
    eddy_with_timeout (0.05, &err) {
        CHECK_INT(eddy_stream_read_line(input, line, sizeof line), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_stream_write(output, "now\n", 4), 4);
    CHECK_INT(eddy_stream_read_line(input, line, sizeof line), 6);
    CHECK_TEXT(line, "hello\n");
    return 0; /* leaves both open: the end of the program does no harm */
}

PLAIN_TEST(a_read_that_was_given_up_takes_nothing_and_the_exit_changes_nothing)
{
    int in[2], out[2];
    EXPECT_INT(pipe2(in, O_CLOEXEC), 0);
    EXPECT_INT(pipe2(out, O_CLOEXEC), 0);
    pid_t child = start(in[0], out[1], give_up_and_read_again);
    EXPECT(reads(out[0], "now\n"));
    EXPECT(is_blocking(in[0])); /* also while it runs */
    EXPECT_INT(write(in[1], "hello\n", 6), 6);
    EXPECT(passed(child));
    EXPECT(is_blocking(in[0]));
    EXPECT(is_blocking(out[1]));
    for (int i = 0; i < 2; i++) {
        close(in[i]);
        close(out[i]);
    }
}

static int write_to_nobody(void)
{
    eddy_stream *output = NULL;
    CHECK_INT(eddy_standard_output(&output), 0);
    CHECK_INT(eddy_stream_write(output, "x", 1), -EPIPE);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "writing to the standard output failed: Broken pipe");
    eddy_stream_close(output);
    return 0;
}

PLAIN_TEST(the_reader_has_gone)
{
    int out[2];
    EXPECT_INT(pipe2(out, O_CLOEXEC), 0);
    close(out[0]);
    EXPECT(passed(start(STDIN_FILENO, out[1], write_to_nobody)));
    close(out[1]);
}

static int write_where_no_room_is(void)
{
    eddy_stream *output = NULL;
    CHECK_INT(eddy_standard_output(&output), 0);
    CHECK_INT(eddy_stream_write(output, "x", 1), -ENOSPC);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()),
                   "writing to the standard output failed: No space left on device");
    eddy_stream_close(output);
    return 0;
}

PLAIN_TEST(a_full_device)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    EXPECT(full >= 0);
    EXPECT(passed(start(STDIN_FILENO, full, write_where_no_room_is)));
    close(full);
}

static int find_it_hung_up(void)
{
    eddy_stream *input = NULL, *output = NULL;
    char line[16];
    CHECK_INT(eddy_standard_input(&input), 0);
    CHECK_INT(eddy_standard_output(&output), 0);
    CHECK_INT(eddy_stream_read_line(input, line, sizeof line), 0);
    CHECK_INT(eddy_stream_write(output, "x", 1), -EIO);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "Input/output error");
    eddy_stream_close(input);
    eddy_stream_close(output);
    return 0;
}

PLAIN_TEST(a_terminal_that_has_hung_up_before)
{
    int master, slave;
    if (!terminal_open(&master, &slave))
        return;
    close(master);
    EXPECT(passed(start(slave, slave, find_it_hung_up)));
    close(slave);
}

static int hang_up_while_reading(void)
{
    eddy_stream *input = NULL, *output = NULL;
    char line[16];
    CHECK_INT(eddy_standard_input(&input), 0);
    CHECK_INT(eddy_standard_output(&output), 0);
    CHECK_INT(eddy_stream_write(output, "now\n", 4), 4);
    CHECK_INT(eddy_stream_read_line(input, line, sizeof line), 0);
    CHECK_INT(eddy_stream_write(output, "x", 1), -EIO);
    eddy_stream_close(input);
    eddy_stream_close(output);
    return 0;
}

PLAIN_TEST(a_terminal_that_hangs_up_meanwhile)
{
    int master, slave;
    if (!terminal_open(&master, &slave))
        return;
    (void)fcntl(master, F_SETFD, FD_CLOEXEC);
    pid_t child = start(slave, slave, hang_up_while_reading);
    EXPECT(reads(master, "now\r\n"));
    close(master);
    EXPECT(passed(child));
    close(slave);
}

ANYWHERE_TEST(the_simulated_system_has_none)
{
    eddy_stream *stream = NULL;
    int r = eddy_standard_error(&stream);
    if (r == -ENOTSUP)
        CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
                   "the standard error output: the simulated system has none");
    else
        CHECK_INT(r, 0);
    eddy_stream_close(stream);
    return 0;
}
