/* SPDX-License-Identifier: MIT */
/* The fault engine alone: each call fails as planned, and storms keep to the contract of edges. */
#define TEST_DEFAULTS .real_system = true
#include "stream_pairs.h"
#include "support/folder.h"
#include "test/fault_plan.h"

struct seen {
    struct watch watch;
    int count;
    unsigned what;
};

static void seen_ready(struct watch *watch, unsigned what)
{
    struct seen *seen = (struct seen *)watch;
    seen->count++;
    seen->what |= what;
}

static struct seen seen_of(int descriptor)
{
    return (struct seen){.watch = {.descriptor = descriptor,
                                   .wanted = READY_READ | READY_WRITE,
                                   .ready = seen_ready}};
}

static struct engine *engine_with(struct fault_plan *plan)
{
    struct engine *inner, *engine = NULL;
    char why[128];
    if (engine_create(getenv("EDDY_ENGINE"), &inner, why, sizeof why) < 0)
        abort();
    int r = fault_engine_create(plan, inner, &engine);
    if (r < 0) {
        inner->call->destroy(inner);
        EXPECT_INT(r, plan->failed_code);
    }
    return engine;
}

/* Turns until it was told, at most so many: how many it took. */
static int turns_until_told(struct engine *engine, struct seen *seen, int most)
{
    int count = 0;
    while (!seen->count && count < most) {
        count++;
        EXPECT(engine->call->turn(engine, 0) >= 0);
    }
    return count;
}

PLAIN_TEST(each_errno_of_a_call_comes_once)
{
    char byte;
    int ends[2], codes = 0, last = 0;
    descriptor_pair(PAIR_UNIX, ends);
    EXPECT_INT(write(ends[1], "x", 1), 1);
    for (size_t fail = 1; fail < 100; fail++) {
        struct fault_plan plan = {.fail = fail};
        struct engine *engine = engine_with(&plan);
        if (!engine) /* its making was what failed */
            continue;
        ssize_t r = engine->call->receive(engine, ends[0], &byte, 1);
        engine->call->destroy(engine);
        if (r >= 0)
            break;
        codes++;
        EXPECT_INT(r, plan.failed_code);
        EXPECT_TEXT(plan.failed_call, "receive");
        EXPECT_INT(plan.failed_number, 1);
        EXPECT(r != last);
        last = (int)r;
    }
    EXPECT_INT(codes, 8);
    EXPECT_INT(byte, 'x'); /* the calls that failed have taken nothing */
    close(ends[0]);
    close(ends[1]);
}

/* The number of the site that is the call's first. */
static size_t first_site(int (*call)(struct engine *engine), const char *name)
{
    for (size_t fail = 1; fail < 200; fail++) {
        struct fault_plan plan = {.fail = fail};
        struct engine *engine = engine_with(&plan);
        if (!engine)
            continue;
        (void)call(engine);
        engine->call->destroy(engine);
        if (plan.failed_call && strcmp(plan.failed_call, name) == 0)
            return fail;
    }
    return 0;
}

static int close_a_socket(struct engine *engine)
{
    int descriptor = engine->call->socket(engine, AF_INET, SOCK_STREAM, 0);
    return descriptor < 0 ? 0 : engine->call->close(engine, descriptor);
}

PLAIN_TEST(a_close_that_fails_has_closed)
{
    size_t before = test_count_descriptors();
    struct fault_plan plan = {.fail = first_site(close_a_socket, "close")};
    struct engine *engine = engine_with(&plan);
    EXPECT_INT(close_a_socket(engine), -EIO);
    engine->call->destroy(engine);
    EXPECT_INT(test_count_descriptors(), before);
}

PLAIN_TEST(an_accept_that_fails_loses_no_connection)
{
    int port, listener = listening_socket(&port), client = connected_socket(port);
    struct fault_plan counting = {.fail = 0};
    struct engine *engine = engine_with(&counting);
    size_t made = counting.sites;
    engine->call->destroy(engine);
    struct fault_plan plan = {.fail = made + 4}; /* -EMFILE */
    engine = engine_with(&plan);
    EXPECT_INT(engine->call->accept(engine, listener, NULL, NULL), -EMFILE);
    int accepted = engine->call->accept(engine, listener, NULL, NULL);
    EXPECT(accepted >= 0);
    engine->call->destroy(engine);
    close(accepted);
    close(client);
    close(listener);
}

/* ---- storms ---- */

PLAIN_TEST(a_short_read_is_followed_by_an_edge)
{
    char text[8] = "";
    int ends[2];
    descriptor_pair(PAIR_UNIX, ends);
    struct fault_plan plan = {.storm = FAULT_STORM_SHORT};
    struct engine *engine = engine_with(&plan);
    struct seen seen = seen_of(ends[0]);
    EXPECT_INT(engine->call->watch(engine, &seen.watch), 0);
    EXPECT_INT(engine->call->turn(engine, 0), 1); /* writable */
    EXPECT_INT(engine->call->send(engine, ends[1], "hello", 5), 1);
    EXPECT_INT(write(ends[1], "ello", 4), 4);
    (void)turns_until_told(engine, &seen, 2);
    for (size_t have = 0; have < 5; have++) {
        seen.count = 0;
        EXPECT_INT(engine->call->receive(engine, ends[0], text + have, sizeof text - have), 1);
        EXPECT_INT(turns_until_told(engine, &seen, 5), 1);
        EXPECT(seen.what & READY_READ);
    }
    EXPECT_TEXT(text, "hello");
    EXPECT_INT(engine->call->receive(engine, ends[0], text, sizeof text), -EAGAIN);
    engine->call->unwatch(engine, &seen.watch);
    engine->call->destroy(engine);
    close(ends[0]);
    close(ends[1]);
}

PLAIN_TEST(a_refusal_comes_once_and_is_followed_by_an_edge)
{
    char byte;
    int ends[2];
    descriptor_pair(PAIR_UNIX, ends);
    struct fault_plan plan = {.storm = FAULT_STORM_AGAIN};
    struct engine *engine = engine_with(&plan);
    struct seen seen = seen_of(ends[0]);
    EXPECT_INT(write(ends[1], "xy", 2), 2);
    EXPECT_INT(engine->call->receive(engine, ends[0], &byte, 1), -EAGAIN);
    EXPECT_INT(engine->call->watch(engine, &seen.watch), 0); /* which begins with what is so */
    EXPECT(turns_until_told(engine, &seen, 3) <= 2);
    EXPECT(seen.what & READY_READ);
    EXPECT_INT(engine->call->receive(engine, ends[0], &byte, 1), 1);
    (void)engine->call->turn(engine, 0);
    seen.count = 0;
    EXPECT_INT(engine->call->receive(engine, ends[0], &byte, 1), -EAGAIN);
    EXPECT_INT(turns_until_told(engine, &seen, 5), 1);
    EXPECT_INT(engine->call->receive(engine, ends[0], &byte, 1), 1);
    EXPECT_INT(byte, 'y');
    EXPECT_INT(engine->call->send(engine, ends[0], "z", 1), -EAGAIN);
    EXPECT_INT(engine->call->send(engine, ends[0], "z", 1), 1);
    engine->call->unwatch(engine, &seen.watch);
    engine->call->destroy(engine);
    close(ends[0]);
    close(ends[1]);
}

PLAIN_TEST(every_other_wait_ends_early)
{
    struct fault_plan plan = {.storm = FAULT_STORM_EARLY};
    struct engine *engine = engine_with(&plan);
    EXPECT_INT(engine->call->turn(engine, -1), 0); /* nothing would ever end it */
    engine->call->wake(engine);
    EXPECT_INT(engine->call->turn(engine, -1), 0);
    EXPECT_INT(engine->call->turn(engine, -1), 0);
    engine->call->destroy(engine);
}

PLAIN_TEST(a_late_edge_is_late_by_turns_and_not_lost)
{
    int ends[2], longest = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        descriptor_pair(PAIR_UNIX, ends);
        struct fault_plan plan = {.storm = FAULT_STORM_LATE, .state = seed};
        struct engine *engine = engine_with(&plan);
        struct seen seen = seen_of(ends[0]);
        EXPECT_INT(engine->call->watch(engine, &seen.watch), 0);
        int took = 0;
        while (!seen.count && took < 20) {
            took++;
            EXPECT(engine->call->turn(engine, -1) > 0); /* a clock that jumps must not, meanwhile */
        }
        EXPECT(took >= 2 && took <= 4);
        longest = took > longest ? took : longest;
        engine->call->unwatch(engine, &seen.watch);
        engine->call->destroy(engine);
        close(ends[0]);
        close(ends[1]);
    }
    EXPECT_INT(longest, 4);
}

/* ---- operations ---- */

struct done {
    struct operation operation;
    int count, result;
};

static void done(struct operation *operation, int result)
{
    struct done *one = (struct done *)operation;
    one->count++;
    one->result = result;
}

static char planned_file[TEST_PATH];

static int open_a_file(struct engine *engine)
{
    struct done one = {.operation = {.kind = OPERATION_OPEN,
                                     .path = planned_file,
                                     .flags = O_CREAT | O_RDWR | O_CLOEXEC,
                                     .mode = 0600,
                                     .done = done}};
    if (!engine->call->submits)
        return -ENOTSUP;
    int r = engine->call->submit(engine, &one.operation);
    if (r < 0)
        return r;
    EXPECT_INT(engine->pending, 1);
    while (!one.count)
        EXPECT(engine->call->turn(engine, -1) >= 0);
    EXPECT_INT(one.count, 1);
    EXPECT_INT(engine->pending, 0);
    return one.result;
}

PLAIN_TEST(an_operation_that_fails_is_not_performed)
{
    struct fault_plan plan = {.storm = FAULT_STORM_LATE};
    struct engine *engine = engine_with(&plan);
    (void)test_path(planned_file, test_folder(), "eddy-test-fault-plan");
    int file = open_a_file(engine);
    engine->call->destroy(engine);
    if (file == -ENOTSUP)
        return; /* such an engine has no operations */
    EXPECT(file >= 0);
    close(file);
    EXPECT_INT(unlink(planned_file), 0);
    struct fault_plan failing = {.fail = first_site(open_a_file, "open")};
    (void)unlink(planned_file);
    engine = engine_with(&failing);
    EXPECT_INT(open_a_file(engine), -EACCES);
    engine->call->destroy(engine);
    EXPECT(access(planned_file, F_OK) < 0);
}
