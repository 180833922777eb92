/* SPDX-License-Identifier: MIT */
/* A loop inside of another one, which here is poll(). */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#define TEST_DEFAULTS .real_system = true
#include "support/test.h"

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The outer loop: until no task is left, or the patience is over. How often it went round. */
static int outer(eddy_embed *embed)
{
    int rounds = 0, left;
    double end = now() + 30;
    while ((left = eddy_embed_turn(embed)) > 0 && now() < end) {
        struct pollfd ready = {.fd = eddy_embed_descriptor(embed), .events = POLLIN};
        (void)poll(&ready, 1, eddy_embed_poll_timeout(embed));
        rounds++;
    }
    EXPECT_INT(left, 0);
    return rounds;
}

struct dream {
    double seconds;
    const char *name;
};
static int dream(struct dream *a)
{
    int r = eddy_sleep(a->seconds);
    note("%s%s", a->name, r == 0 ? "" : "!");
    return r;
}

static void begin(double seconds, const char *name)
{
    eddy_task *task = eddy_create_task(dream, .seconds = seconds, .name = name);
    EXPECT(task);
    EXPECT_INT(eddy_detach(task), 0);
}

PLAIN_TEST(tasks_and_timers_run_in_a_foreign_loop)
{
    eddy_embed embed;
    EXPECT(!eddy_current_loop());
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    EXPECT(eddy_current_loop());
    EXPECT(fcntl(eddy_embed_descriptor(&embed), F_GETFD) & FD_CLOEXEC);
    EXPECT(eddy_embed_timeout(&embed) == EDDY_FOREVER);
    EXPECT_INT(eddy_embed_poll_timeout(&embed), -1);
    begin(0.03, "b");
    begin(0.01, "a");
    EXPECT(eddy_embed_timeout(&embed) == 0); /* tasks created between two turns are in it */
    double start = now();
    int rounds = outer(&embed);
    EXPECT(now() - start >= 0.03);
    EXPECT(rounds < 20); /* it slept in between */
    EXPECT_NOTES("a b");
    EXPECT_INT(eddy_embed_close(&embed), 0);
    EXPECT_INT(eddy_embed_close(&embed), 0);
    EXPECT(!eddy_current_loop());
}

static void never(void *argument)
{
    test_failure(__FILE__, __LINE__, "%s", (const char *)argument);
}

PLAIN_TEST(the_timeout_is_rounded_up)
{
    eddy_embed embed;
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    eddy_handle *far = eddy_call_later(3600, never, NULL), *near;
    EXPECT(eddy_embed_timeout(&embed) > 3500 && eddy_embed_timeout(&embed) <= 3600);
    int milliseconds = eddy_embed_poll_timeout(&embed);
    EXPECT(milliseconds > 3500000 && milliseconds <= 3600000);
    near = eddy_call_later(0.0004, never, NULL);
    EXPECT(eddy_embed_poll_timeout(&embed) <= 1);
    EXPECT(eddy_handle_cancel(far) && eddy_handle_cancel(near));
    EXPECT_INT(eddy_embed_close(&embed), 0);
}

PLAIN_TEST(a_virtual_clock_moves_by_turns)
{
    const struct eddy_options options = {.virtual_clock = true};
    eddy_embed embed;
    EXPECT_INT(eddy_embed_open(&embed, &options), 0);
    begin(2000, "b");
    begin(1000, "a");
    double start = now();
    (void)outer(&embed);
    EXPECT(now() - start < 20);
    EXPECT_NOTES("a b");
    EXPECT_INT(eddy_embed_close(&embed), 0);
}

/* ---- descriptors ---- */

struct reader {
    int descriptor;
};
static int reader(struct reader *a)
{
    char c;
    for (int i = 0; i < 3; i++) {
        int r = eddy_wait_readable(a->descriptor);
        if (r < 0)
            return r;
        EXPECT_INT(read(a->descriptor, &c, 1), 1);
        note("%c", c);
    }
    return 0;
}

PLAIN_TEST(the_descriptor_tells_of_other_descriptors)
{
    int ends[2];
    eddy_embed embed;
    EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    eddy_task *task = eddy_create_task(reader, .descriptor = ends[0]);
    EXPECT_INT(eddy_embed_turn(&embed), 1);
    struct pollfd ready = {.fd = eddy_embed_descriptor(&embed), .events = POLLIN};
    for (int i = 0; i < 3; i++) {
        while (eddy_embed_poll_timeout(&embed) == 0)
            EXPECT_INT(eddy_embed_turn(&embed), 1);
        EXPECT_INT(poll(&ready, 1, 0), 0); /* nothing yet */
        EXPECT_INT(write(ends[1], &"xyz"[i], 1), 1);
        EXPECT_INT(poll(&ready, 1, 10000), 1);
        for (int turn = 0; turn < 4; turn++)
            EXPECT(eddy_embed_turn(&embed) >= 0);
    }
    EXPECT(eddy_task_done(task));
    EXPECT_INT(eddy_task_release(task), 0);
    EXPECT_NOTES("x y z");
    EXPECT_INT(eddy_embed_close(&embed), 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

struct waits_for {
    int descriptor;
};
static int waits_for(struct waits_for *a)
{
    return eddy_wait_readable(a->descriptor);
}

/* An eventfd tells another one late or not at all, and a ring tells by one. */
PLAIN_TEST(an_eventfd_s_signal_is_told_at_once)
{
    eddy_embed embed;
    uint64_t one = 1;
    int signal = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    EXPECT_INT(epoll_ctl(set, EPOLL_CTL_ADD, signal, &event), 0);
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    for (int i = 0; i < 6; i++) { /* itself, then by way of the set */
        eddy_task *task = eddy_create_task(waits_for, .descriptor = i % 2 ? set : signal);
        struct pollfd ready = {.fd = eddy_embed_descriptor(&embed), .events = POLLIN};
        while (eddy_embed_poll_timeout(&embed) == 0 || poll(&ready, 1, 0) > 0)
            EXPECT_INT(eddy_embed_turn(&embed), 1);
        EXPECT_INT(write(signal, &one, sizeof one), sizeof one);
        EXPECT_INT(poll(&ready, 1, 0), 1);
        for (int turn = 0; turn < 4; turn++)
            (void)!eddy_embed_turn(&embed);
        EXPECT(eddy_task_done(task));
        EXPECT_INT(eddy_task_release(task), 0);
        EXPECT_INT(read(signal, &one, sizeof one), sizeof one);
    }
    EXPECT_INT(eddy_embed_close(&embed), 0);
    (void)close(set);
    (void)close(signal);
}

static void read_and_remove(void *argument)
{
    char c;
    EXPECT_INT(read(*(int *)argument, &c, 1), 1);
    note("%c", c);
    EXPECT(eddy_remove_reader(*(int *)argument));
}

/* What is asked between two turns, a ring is told only by the next one. */
PLAIN_TEST(a_reader_added_by_the_outer_loop_is_heard_of)
{
    int ends[2];
    eddy_embed embed;
    EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    EXPECT_INT(eddy_embed_turn(&embed), 0);
    EXPECT_INT(eddy_add_reader(ends[0], read_and_remove, &ends[0]), 0);
    struct pollfd ready = {.fd = eddy_embed_descriptor(&embed), .events = POLLIN};
    for (int i = 0; i < 3 && eddy_embed_poll_timeout(&embed) == 0; i++)
        EXPECT_INT(eddy_embed_turn(&embed), 0);
    EXPECT_INT(eddy_embed_poll_timeout(&embed), -1);
    EXPECT_INT(write(ends[1], "q", 1), 1);
    EXPECT_INT(poll(&ready, 1, 10000), 1);
    for (int turn = 0; turn < 4; turn++)
        EXPECT_INT(eddy_embed_turn(&embed), 0);
    EXPECT_NOTES("q");
    EXPECT_INT(eddy_embed_close(&embed), 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* ---- streams and files ---- */

static int echo(eddy_stream *stream, void *context)
{
    char line[32];
    (void)context;
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    return n > 0 ? (int)eddy_stream_write(stream, line, (size_t)n) : (int)n;
}

static int talks(void)
{
    char line[32];
    eddy_server *server;
    eddy_stream *stream;
    int r = eddy_serve("127.0.0.1", 0, echo, NULL, NULL, &server);
    if (r == 0)
        r = eddy_connect("127.0.0.1", eddy_server_port(server), &stream);
    if (r < 0)
        return r;
    EXPECT_INT(eddy_stream_write(stream, "hello\n", 6), 6);
    EXPECT_INT(eddy_stream_read_line(stream, line, sizeof line), 6);
    note("%.5s", line);
    eddy_stream_close(stream);
    eddy_server_close(server);
    return 0;
}

struct compute {
    int left, right;
};
static int compute(struct compute *a)
{
    return a->left + a->right;
}

static int works_elsewhere(void)
{
    struct compute sum = {40, 2};
    int r = eddy_to_thread(compute, &sum);
    note("%d", r);
    return r < 0 ? r : 0;
}

PLAIN_TEST(streams_and_threads_work_as_ever)
{
    eddy_embed embed;
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    EXPECT_INT(eddy_detach(eddy_create_task(talks)), 0);
    EXPECT(outer(&embed) < 100);
    EXPECT_INT(eddy_detach(eddy_create_task(works_elsewhere)), 0);
    EXPECT(outer(&embed) < 100);
    EXPECT_NOTES("hello 42");
    EXPECT_INT(eddy_embed_close(&embed), 0);
}

/* ---- other threads, and the outer world ---- */

struct button {
    eddy_event *event;
};
static int button(struct button *a)
{
    int r = eddy_event_wait(a->event);
    note("pressed");
    return r;
}

PLAIN_TEST(the_outer_loop_may_do_all_that_a_callback_may)
{
    eddy_embed embed;
    eddy_event pressed = EDDY_EVENT_INIT;
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    EXPECT_INT(eddy_detach(eddy_create_task(button, .event = &pressed)), 0);
    EXPECT_INT(eddy_embed_turn(&embed), 1);
    EXPECT_INT(eddy_embed_poll_timeout(&embed), -1);
    eddy_event_set(&pressed);
    EXPECT_INT(eddy_embed_poll_timeout(&embed), 0);
    EXPECT_INT(eddy_embed_turn(&embed), 0);
    EXPECT_NOTES("pressed");
    EXPECT_INT(eddy_embed_close(&embed), 0);
}

static void *submits(void *argument)
{
    struct timespec pause = {.tv_nsec = 20000000};
    for (int i = 0; i < 3; i++) {
        (void)nanosleep(&pause, NULL);
        eddy_submission *submission = eddy_submit(argument, dream, .name = "t");
        EXPECT_INT(eddy_submission_wait(submission, 10), 0);
        eddy_submission_release(submission);
    }
    return NULL;
}

PLAIN_TEST(another_thread_wakes_the_outer_loop)
{
    eddy_embed embed;
    pthread_t other;
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    begin(0.3, "end");
    EXPECT_INT(pthread_create(&other, NULL, submits, eddy_current_loop()), 0);
    EXPECT(outer(&embed) < 200);
    EXPECT_INT(pthread_join(other, NULL), 0);
    EXPECT_NOTES("t t t end");
    EXPECT_INT(eddy_embed_close(&embed), 0);
}

/* ---- what can't be ---- */

struct inside {
    eddy_embed *embed;
};
static int inside(struct inside *a)
{
    EXPECT_INT(eddy_embed_turn(a->embed), -EBUSY);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "inside of a turn");
    EXPECT_INT(eddy_embed_close(a->embed), -EBUSY);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "inside of a turn");
    return 0;
}

static void *uses_a_foreign_one(void *argument)
{
    EXPECT_INT(eddy_embed_turn(argument), -EINVAL);
    EXPECT(eddy_embed_timeout(argument) == 0);
    return NULL;
}

static int never_runs(void)
{
    return 0;
}

PLAIN_TEST(mistakes_are_told)
{
    eddy_embed embed, second;
    const struct eddy_options bad = {.stack_size = 1},
                              logged = {.log = test_log, .log_context = &test_state};
    pthread_t other;
    test_stderr_begin();
    EXPECT_INT(eddy_embed_open(NULL, NULL), -EINVAL);
    EXPECT_INT(eddy_embed_open(&embed, &bad), -EINVAL);
    EXPECT_INT(eddy_embed_open(&embed, &logged), 0);
    EXPECT_INT(eddy_embed_open(&second, NULL), -EBUSY);
    EXPECT_INT(eddy_run(never_runs), -EBUSY);
    EXPECT_INT(pthread_create(&other, NULL, uses_a_foreign_one, &embed), 0);
    EXPECT_INT(pthread_join(other, NULL), 0);
    (void)test_stderr_end();
    EXPECT_REPORT(EDDY_LOG_MISUSE, "has a loop already");
    EXPECT_REPORT(EDDY_LOG_MISUSE, "a loop runs on this thread already");
    EXPECT_INT(eddy_detach(eddy_create_task(inside, .embed = &embed)), 0);
    EXPECT_INT(eddy_embed_turn(&embed), 0);
    EXPECT_INT(eddy_embed_close(&embed), 0);
}

PLAIN_TEST(closing_cancels_what_is_left_and_waits)
{
    eddy_embed embed;
    size_t before = test_count_descriptors();
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0);
    begin(3600, "left");
    EXPECT_INT(eddy_embed_turn(&embed), 1);
    EXPECT_INT(eddy_embed_close(&embed), 0);
    EXPECT_NOTES("left!");
    EXPECT_INT(test_count_descriptors(), before);
    EXPECT_INT(eddy_embed_open(&embed, NULL), 0); /* and anew */
    EXPECT_INT(eddy_embed_close(&embed), 0);
}

static int wants_an_inner_one(void)
{
    eddy_embed embed;
    CHECK_INT(eddy_embed_open(&embed, NULL), -EBUSY);
    CHECK_REPORT(EDDY_LOG_MISUSE, "has a loop already");
    return 0;
}

PLAIN_TEST(not_inside_of_a_running_loop)
{
    EXPECT_INT(test_run(wants_an_inner_one), 0);
}
