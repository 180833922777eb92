/* SPDX-License-Identifier: MIT */
/* Faults on purpose: what is wrong with a program is found, at the right place, and can be had
 * again. */
#include <eddy/fault.h>
#include "support/process.h"
#include "test/session.h"

/* Of the test under way. */
static int runs;

static bool simulated(void)
{
    return session_self && session_self->sim;
}

static struct eddy_fault_result fault_with(const struct eddy_fault_options *fault, int expected)
{
    struct eddy_fault_result result = {.sites = 0};
    struct eddy_fault_options copy = *fault;
    copy.simulated = simulated();
    runs = 0;
    test_stderr_begin();
    int r = eddy_fault(&copy, &result);
    (void)eddy_test_int_(__FILE__, __LINE__, "eddy_fault", r, expected);
    return result;
}

static struct eddy_fault_result memory_of(int (*scenario)(void), int expected)
{
    return fault_with(&(struct eddy_fault_options){.scenario = scenario, .kind = EDDY_FAULT_MEMORY},
                      expected);
}

/* ---- programs with a mistake ---- */

/* What they leave behind, to be given back once it was found. */
static eddy_future *futures_left[8];
static eddy_stream *streams_left[8];
static size_t futures_left_count, streams_left_count;

static void give_back(void)
{
    while (futures_left_count)
        eddy_future_release(futures_left[--futures_left_count]);
    while (streams_left_count)
        eddy_stream_close(streams_left[--streams_left_count]);
}

/* What a loop of a main task alone takes. */
static int nothing(void)
{
    return 0;
}

static int two_futures(bool clean)
{
    eddy_future *first = eddy_future_new();
    if (!first)
        return -ENOMEM;
    eddy_future *second = eddy_future_new();
    if (!second) {
        if (clean)
            eddy_future_release(first);
        else
            futures_left[futures_left_count++] = first;
        return -ENOMEM;
    }
    eddy_future_release(first);
    eddy_future_release(second);
    return 3;
}

static int clean(void)
{
    return two_futures(true);
}

static int leak(void)
{
    return two_futures(false);
}

static int undocumented(void)
{
    eddy_future *future = eddy_future_new();
    if (!future)
        return -9999;
    eddy_future_release(future);
    return 0;
}

/* Nobody sets the event then. */
static int hang(void)
{
    eddy_event event = EDDY_EVENT_INIT;
    eddy_future *future = eddy_future_new();
    if (future)
        eddy_event_set(&event);
    eddy_future_release(future);
    return eddy_event_wait(&event);
}

static bool spoiled;

static int spoil(void)
{
    eddy_future *future = eddy_future_new();
    spoiled = spoiled || !future;
    eddy_future_release(future);
    return future ? spoiled : -ENOMEM;
}

static int value;

static int lose(void)
{
    value = 1;
    eddy_future *future = eddy_future_new();
    if (!future)
        value = 0;
    eddy_future_release(future);
    return future ? 0 : -ENOMEM;
}

static int value_is_there(void)
{
    return value ? 0 : -ENODATA;
}

/* Nobody releases the task if there is no memory for its name. */
static int forget_handle(void)
{
    eddy_task *task = eddy_create_task(nothing);
    if (!task)
        return -ENOMEM;
    int r = eddy_task_set_name(task, "forgotten");
    if (r < 0)
        return r;
    r = eddy_await(task);
    return r < 0 ? r : eddy_task_release(task);
}

PLAIN_TEST(every_allocation_fails_alone_and_with_those_that_follow)
{
    struct eddy_fault_result without = memory_of(nothing, 0);
    (void)test_stderr_end();
    struct eddy_fault_result result = memory_of(clean, 0);
    EXPECT_TEXT(test_stderr_end(), "");
    EXPECT_INT(result.sites, without.sites + 4);
    EXPECT_INT(result.runs, 2 + 2 * result.sites);
    EXPECT_INT(result.failed, 0);
    EXPECT_INT(result.missed, 0);
}

PLAIN_TEST(a_leak_is_found_where_it_is)
{
    size_t loop = memory_of(nothing, 0).sites / 2;
    (void)test_stderr_end();
    struct eddy_fault_result result = memory_of(leak, -EBADE);
    const char *printed = test_stderr_end();
    char expected[128];
    EXPECT_INT(result.failed, 2);
    (void)snprintf(expected, sizeof expected, "allocation #%zu: 1 piece of memory left", loop + 2);
    EXPECT_TEXT(result.why, expected);
    (void)snprintf(expected, sizeof expected, "memory left; again by EDDY_FAULT=memory:%zu ",
                   2 * (loop + 2) - 1);
    EXPECT_CONTAINS(printed, expected);
    EXPECT_INT(test_count_lines(printed), 2);
    give_back();
}

PLAIN_TEST(a_result_that_is_no_errno_is_found)
{
    struct eddy_fault_result result = memory_of(undocumented, -EBADE);
    EXPECT_CONTAINS(test_stderr_end(), "the result is -9999, which is no errno; again by ");
    EXPECT_INT(result.failed, 2);
}

PLAIN_TEST(a_handle_that_nobody_released_is_found)
{
    struct eddy_fault_result result = memory_of(forget_handle, -EBADE);
    EXPECT_CONTAINS(test_stderr_end(), "was never released");
    EXPECT(result.failed > 0);
}

PLAIN_TEST(a_value_that_was_lost_is_for_the_check)
{
    struct eddy_fault_result result = fault_with(
        &(struct eddy_fault_options){
            .scenario = lose, .check = value_is_there, .kind = EDDY_FAULT_MEMORY},
        -EBADE);
    EXPECT_CONTAINS(test_stderr_end(), "check() gives -61 -ENODATA");
    EXPECT_CONTAINS(result.why, "allocation #");
}

PLAIN_TEST(a_run_that_spoils_the_next_one_is_found)
{
    spoiled = false;
    struct eddy_fault_result result = memory_of(spoil, -EBADE);
    EXPECT_CONTAINS(test_stderr_end(), ": the next run: the result is 1, not 0; again by ");
    EXPECT(result.failed > 0);
}

PLAIN_TEST(a_hang_is_found_and_ended)
{
    size_t loop = memory_of(nothing, 0).sites / 2;
    char site[32];
    (void)test_stderr_end();
    (void)snprintf(site, sizeof site, "memory:%zu", 2 * loop + 1);
    setenv("EDDY_FAULT", site, 1); /* once will do: it takes three seconds */
    struct eddy_fault_result result = memory_of(hang, -EBADE);
    unsetenv("EDDY_FAULT");
    EXPECT_CONTAINS(test_stderr_end(), "again by EDDY_FAULT=memory:");
    EXPECT_CONTAINS(result.why, simulated() ? "hung: a deadlock" : "waiting for event");
    EXPECT_INT(result.failed, 1);
}

/* ---- calls to the system ---- */

static int write_to_pipe(bool careful)
{
    int ends[2];
    eddy_stream *stream;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    int r = eddy_stream_from_descriptor(ends[1], &stream);
    if (r == 0) {
        r = (int)eddy_stream_write(stream, "x", 1);
        if (r >= 0 || careful)
            eddy_stream_close(stream);
        else
            streams_left[streams_left_count++] = stream;
    } else {
        close(ends[1]);
    }
    close(ends[0]);
    return r;
}

static int careful_write(void)
{
    return write_to_pipe(true);
}

static int careless_write(void)
{
    return write_to_pipe(false);
}

REAL_PLAIN_TEST(a_descriptor_left_open_is_found_at_the_call_that_failed)
{
    struct eddy_fault_result fine = fault_with(
        &(struct eddy_fault_options){.scenario = careful_write, .kind = EDDY_FAULT_ENGINE}, 0);
    EXPECT_TEXT(test_stderr_end(), "");
    EXPECT(fine.sites > 10);
    struct eddy_fault_result result = fault_with(
        &(struct eddy_fault_options){.scenario = careless_write, .kind = EDDY_FAULT_ENGINE},
        -EBADE);
    const char *printed = test_stderr_end();
    EXPECT_INT(result.sites, fine.sites);
    EXPECT_TEXT(result.why, "send #1: -ECONNRESET: 1 descriptor left, 1 piece of memory left");
    EXPECT_CONTAINS(printed, "send #1: -EPIPE: ");
    EXPECT_INT(result.failed, 7); /* the errnos of send */
    give_back();
}

REAL_PLAIN_TEST(one_run_can_be_had_again_alone)
{
    const struct eddy_fault_options all = {.scenario = careless_write, .kind = EDDY_FAULT_ENGINE};
    char run[32] = "", printed[80];
    (void)fault_with(&all, -EBADE);
    const char *again = strstr(test_stderr_end(), "EDDY_FAULT=");
    EXPECT(again && sscanf(again, "EDDY_FAULT=%31[^ ]", run) == 1);
    give_back();
    setenv("EDDY_FAULT", run, 1);
    struct eddy_fault_result result = fault_with(&all, -EBADE);
    (void)snprintf(printed, sizeof printed, "again by EDDY_FAULT=%s ", run);
    EXPECT_CONTAINS(test_stderr_end(), printed);
    EXPECT_INT(result.runs, 3);
    EXPECT_INT(result.failed, 1);
    give_back();
    result = memory_of(leak, 0);
    EXPECT_TEXT(test_stderr_end(), "");
    EXPECT_INT(result.runs, 0);
    unsetenv("EDDY_FAULT");
}

/* ---- storms ---- */

/* Believes that what was written at once is read at once. */
static int read_at_once(void)
{
    int ends[2];
    char text[8];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    eddy_stream *stream;
    int r = eddy_stream_from_descriptor(ends[0], &stream);
    if (write(ends[1], "hello", 5) < 0)
        r = -errno;
    if (r == 0) {
        r = (int)eddy_stream_read(stream, text, sizeof text);
        eddy_stream_close(stream);
    }
    close(ends[1]);
    return r;
}

REAL_PLAIN_TEST(a_storm_finds_who_relies_on_whole_transfers)
{
    struct eddy_fault_result result = fault_with(
        &(struct eddy_fault_options){.scenario = read_at_once, .kind = EDDY_FAULT_STORM}, -EBADE);
    EXPECT_CONTAINS(test_stderr_end(), "all storms: the result is 1, not 5; again by EDDY_FAULT=");
    EXPECT_TEXT(result.why, "transfers of one byte: the result is 1, not 5");
    EXPECT_INT(result.sites, 9);
    EXPECT_INT(result.failed, 3);
}

/* ---- the undisturbed run, the arguments ---- */

static int leak_always(void)
{
    futures_left[futures_left_count++] = eddy_future_new();
    return 0;
}

static int another_each_time(void)
{
    eddy_future_release(eddy_future_new());
    return ++runs;
}

static int inside(void)
{
    return eddy_fault(&(struct eddy_fault_options){.scenario = nothing}, NULL);
}

PLAIN_TEST(an_undisturbed_run_that_fails_is_the_end)
{
    struct eddy_fault_result result = memory_of(leak_always, -EBADE);
    EXPECT_CONTAINS(test_stderr_end(), "eddy_fault: undisturbed: 1 piece of memory left\n");
    EXPECT_INT(result.runs, 1);
    EXPECT_INT(result.failed, 1);
    give_back();
}

PLAIN_TEST(results_that_always_differ_are_not_compared)
{
    (void)memory_of(another_each_time, 0);
    EXPECT_TEXT(test_stderr_end(), "");
}

PLAIN_TEST(mistakes_in_the_call)
{
    test_stderr_begin();
    EXPECT_INT(eddy_fault(NULL, NULL), -EINVAL);
    EXPECT_INT(eddy_fault(&(struct eddy_fault_options){.kind = EDDY_FAULT_MEMORY}, NULL), -EINVAL);
    EXPECT_INT(eddy_fault(&(struct eddy_fault_options){.scenario = nothing,
                                                       .kind = (enum eddy_fault_kind)7},
                          NULL),
               -EINVAL);
    EXPECT_INT(test_count_lines(test_stderr_end()), 3);
    EXPECT_INT(test_run(inside), -EBUSY);
    EXPECT(findings_report(__FILE__, __LINE__, EDDY_LOG_MISUSE, "inside a loop") != NULL);
    EXPECT_INT(eddy_fault_memory(nothing, .quiet = true), 0);
}

/* ---- crashes ---- */

static int crash(void)
{
    eddy_future *future = eddy_future_new();
    if (!future)
        abort();
    eddy_future_release(future);
    return 0;
}

static int spin(void)
{
    eddy_future *future = eddy_future_new();
    if (!future)
        (void)raise(SIGALRM); /* as if a minute had gone by */
    eddy_future_release(future);
    return 0;
}

static void crash_child(void)
{
    if (eddy_fault_memory(crash) < 0)
        _exit(1);
}

static void spin_child(void)
{
    if (eddy_fault_memory(spin) < 0)
        _exit(1);
}

REAL_PLAIN_TEST(a_crash_says_which_run_it_was)
{
    run_child(crash_child);
    EXPECT_DEATH(SIGABRT, "crashed, or hangs for good; again by EDDY_FAULT=memory:");
    run_child(spin_child);
    EXPECT_DEATH(SIGABRT, "crashed, or hangs for good; again by EDDY_FAULT=memory:");
}
