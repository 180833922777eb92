/* SPDX-License-Identifier: MIT */
/*
 * Standard input and output as pipes, files and a terminal while each call to the system and each
 * allocation fails once, and in storms: what came out is the beginning of what should have, all of
 * it if no error was told, and descriptors 0 and 1 are what they were.
 */
#define TEST_DEFAULTS .real_system = true
#include <fcntl.h>
#include <termios.h>
#include "support/survive.h"
#include "support/terminal.h"
#include "test/session.h"

static const char lines[] = "one\ntwo\nthree\n", numbered[] = "1 one\n2 two\n3 three\n";

static int number_lines(eddy_stream *input, eddy_stream *output)
{
    char line[32], text[40];
    ssize_t n = 0;
    for (int i = 1; n >= 0; i++) {
        n = eddy_stream_read_line(input, line, sizeof line);
        if (n <= 0)
            break;
        int size = snprintf(text, sizeof text, "%d %s", i, line);
        n = eddy_stream_write(output, text, (size_t)size);
    }
    return (int)n;
}

static int judged(int r)
{
    const eddy_failure *failure = eddy_last_failure();
    wrong_if(r < 0 && r != -ENOMEM &&
                 (eddy_failure_code(failure) != r || !eddy_failure_message(failure)[0]),
             "an error without a message");
    return r;
}

static int through_standard_streams(void)
{
    eddy_stream *input, *output;
    int r = eddy_standard_input(&input);
    if (r < 0)
        return judged(r);
    r = eddy_standard_output(&output);
    if (r >= 0) {
        r = number_lines(input, output);
        eddy_stream_close(output);
    }
    eddy_stream_close(input);
    return judged(r);
}

/* ---- descriptors 0 and 1 as something else ---- */

static int run_with(int input, int output)
{
    (void)fflush(stdout);
    int kept[2] = {fcntl(0, F_DUPFD_CLOEXEC, 3), fcntl(1, F_DUPFD_CLOEXEC, 3)};
    wrong_if(dup2(input, 0) < 0 || dup2(output, 1) < 0, "no descriptors to test with");
    int flags[2] = {fcntl(0, F_GETFL), fcntl(1, F_GETFL)};
    int r = through_standard_streams();
    wrong_if(fcntl(0, F_GETFL) != flags[0] || fcntl(1, F_GETFL) != flags[1],
             "the flags of descriptor 0 or 1 aren't what they were");
    for (int i = 0; i < 2; i++) {
        (void)dup2(kept[i], i);
        (void)close(kept[i]);
    }
    return r;
}

/* What came out is there by now: nothing is waited for. */
static int check_output(int descriptor, int r)
{
    char text[sizeof numbered + 1] = "";
    size_t have = 0;
    ssize_t n;
    (void)fcntl(descriptor, F_SETFL, O_NONBLOCK);
    while (have < sizeof text - 1 &&
           (n = read(descriptor, text + have, sizeof text - 1 - have)) > 0)
        have += (size_t)n;
    wrong_if(strncmp(text, numbered, have) != 0, "other bytes came out than should have");
    wrong_if(r == 0 && have != sizeof numbered - 1, "some are missing, and no error was told");
    return r;
}

static int scenario_pipes(void)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        abort();
    wrong_if(write(in[1], lines, sizeof lines - 1) < 0, "no input to test with");
    (void)close(in[1]);
    int r = check_output(out[0], run_with(in[0], out[1]));
    (void)close(in[0]);
    (void)close(out[0]);
    (void)close(out[1]);
    return r;
}

static int scenario_files(void)
{
    char path[] = "/tmp/eddy-standard-XXXXXX", other[] = "/tmp/eddy-standard-XXXXXX";
    int in = mkostemp(path, O_CLOEXEC), out = mkostemp(other, O_CLOEXEC);
    (void)unlink(path);
    (void)unlink(other);
    wrong_if(pwrite(in, lines, sizeof lines - 1, 0) < 0, "no input to test with");
    int r = run_with(in, out);
    (void)lseek(out, 0, SEEK_SET);
    (void)check_output(out, r);
    (void)close(in);
    (void)close(out);
    return r;
}

static int scenario_terminal(void)
{
    int master, slave;
    struct termios raw;
    if (!terminal_open(&master, &slave))
        return 0;
    if (tcgetattr(slave, &raw) < 0)
        abort();
    raw.c_lflag &= ~(tcflag_t)ECHO;
    raw.c_oflag &= ~(tcflag_t)OPOST;
    (void)tcsetattr(slave, TCSANOW, &raw);
    wrong_if(write(master, lines, sizeof lines - 1) < 0 || write(master, "\4", 1) < 0,
             "no input to test with");
    int r = check_output(master, run_with(slave, slave));
    (void)close(master);
    (void)close(slave);
    return r;
}

/* ---- all of them, in every way ---- */

static size_t faults(int (*scenario)(void), enum eddy_fault_kind kind)
{
    struct eddy_fault_result result = {.sites = 0};
    const struct eddy_fault_options fault = {
        .scenario = scenario, .check = nothing_wrong, .kind = kind, .seed = 1};
    EXPECT_INT(eddy_fault(&fault, &result), 0);
    return result.runs;
}

static void survive_all(const char *name, int (*scenario)(void))
{
    struct eddy_sweep_result swept = {.points = 0};
    const struct eddy_sweep_options sweep = {
        .scenario = scenario, .check = nothing_wrong, .real = true, .seed = 1};
    EXPECT_INT(eddy_sweep(&sweep, &swept), 0);
    size_t memory = faults(scenario, EDDY_FAULT_MEMORY);
    size_t engine = faults(scenario, EDDY_FAULT_ENGINE);
    size_t storm = faults(scenario, EDDY_FAULT_STORM);
    printf("%s: %zu cancels, %zu runs of memory, %zu of the engine, %zu of storms\n", name,
           swept.runs, memory, engine, storm);
}

/* The first is what `make torture` takes to pieces. */
#define FAULTS(name)                                                                               \
    TEST(as_##name)                                                                                \
    {                                                                                              \
        int r = scenario_##name();                                                                 \
        CHECK_INT(nothing_wrong(), 0);                                                             \
        return r;                                                                                  \
    }                                                                                              \
    PLAIN_TEST(as_##name##_with_each_fault)                                                        \
    {                                                                                              \
        survive_all(#name, scenario_##name);                                                       \
    }

FAULTS(pipes)
FAULTS(files)
FAULTS(terminal)
