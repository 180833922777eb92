/* SPDX-License-Identifier: MIT */
/*
 * Engines: whole operations on files, where the engine has them (the ring). $EDDY_ENGINE names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "engine/uring_slot.h"
#include "engine_test.h"
#include "support/folder.h"

static char directory[TEST_PATH];

static const char *in_directory(const char *name)
{
    static char paths[4][TEST_PATH + 64];
    static int turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* An operation that remembers what came of it. */
struct attempt {
    struct operation operation;
    int done, result;
};

static void attempt_done(struct operation *operation, int result)
{
    struct attempt *attempt = (struct attempt *)operation;
    attempt->done++;
    attempt->result = result;
}

static void submit(struct engine *engine, struct attempt *attempt, struct operation operation)
{
    operation.done = attempt_done;
    *attempt = (struct attempt){.operation = operation};
    assert_int_equal(engine->call->submit(engine, &attempt->operation), 0);
}

static int wait_for(struct engine *engine, const struct attempt *attempt)
{
    while (!attempt->done)
        assert_true(engine->call->turn(engine, -1) >= 0);
    assert_int_equal(attempt->done, 1);
    return attempt->result;
}

static int run(struct engine *engine, struct operation operation)
{
    struct attempt attempt;
    submit(engine, &attempt, operation);
    return wait_for(engine, &attempt);
}

#define RUN(...) run(engine, (struct operation){__VA_ARGS__})

static int submitting_up(void **state)
{
    (void)engine_up(state);
    struct engine *engine = *state;
    if (engine && !engine->call->submits) {
        struct operation operation = {.kind = OPERATION_UNLINK, .path = "/nowhere"};
        assert_int_equal(engine->call->submit(engine, &operation), -ENOTSUP);
        (void)engine_down(state);
        *state = NULL;
        print_message("SKIP: %s leaves files to the thread pool\n", engine_wanted());
    }
    return 0;
}

static void test_the_life_of_a_file(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const char *folder = in_directory("folder"), *first = in_directory("folder/first"),
               *second = in_directory("folder/second");
    struct stat status;
    assert_int_equal(RUN(.kind = OPERATION_MAKE_DIRECTORY, .path = folder, .mode = 0700), 0);
    int file = RUN(.kind = OPERATION_OPEN, .path = first,
                   .flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, .mode = 0640);
    assert_true(file >= 0);
    assert_int_equal(fstat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);

    char text[] = "The quick brown fox", back[32] = "";
    assert_int_equal(
        RUN(.kind = OPERATION_WRITE, .descriptor = file, .buffer = text, .size = 9, .offset = -1),
        9);
    assert_int_equal(RUN(.kind = OPERATION_WRITE, .descriptor = file, .buffer = text + 9,
                         .size = 10, .offset = -1),
                     10);
    assert_int_equal(RUN(.kind = OPERATION_SYNC, .descriptor = file), 0);
    assert_int_equal(
        RUN(.kind = OPERATION_READ, .descriptor = file, .buffer = back, .size = 5, .offset = 4), 5);
    assert_string_equal(back, "quick");
    assert_int_equal(lseek(file, 0, SEEK_CUR), 19); /* an offset leaves the position alone */
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(RUN(.kind = OPERATION_READ, .descriptor = file, .buffer = back,
                         .size = sizeof back, .offset = -1),
                     19);
    assert_memory_equal(back, text, 19);
    assert_int_equal(RUN(.kind = OPERATION_READ, .descriptor = file, .buffer = back,
                         .size = sizeof back, .offset = -1),
                     0);
    assert_int_equal(RUN(.kind = OPERATION_CLOSE, .descriptor = file), 0);
    assert_int_equal(fcntl(file, F_GETFD), -1);

    assert_int_equal(RUN(.kind = OPERATION_RENAME, .path = first, .second_path = second), 0);
    assert_int_equal(access(first, F_OK), -1);
    assert_int_equal(RUN(.kind = OPERATION_UNLINK, .path = second), 0);
    assert_int_equal(access(second, F_OK), -1);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(engine->pending, 0);
}

static void test_errors(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const char *nowhere = in_directory("nowhere/file");
    char byte = 0;
    assert_int_equal(RUN(.kind = OPERATION_OPEN, .path = nowhere, .flags = O_RDONLY), -ENOENT);
    assert_int_equal(RUN(.kind = OPERATION_READ, .descriptor = -1, .buffer = &byte, .size = 1),
                     -EBADF);
    assert_int_equal(RUN(.kind = OPERATION_WRITE, .descriptor = -1, .buffer = &byte, .size = 1),
                     -EBADF);
    assert_int_equal(RUN(.kind = OPERATION_SYNC, .descriptor = -1), -EBADF);
    assert_int_equal(RUN(.kind = OPERATION_CLOSE, .descriptor = 1 << 20), -EBADF);
    assert_int_equal(RUN(.kind = OPERATION_MAKE_DIRECTORY, .path = nowhere), -ENOENT);
    assert_int_equal(RUN(.kind = OPERATION_MAKE_DIRECTORY, .path = "/tmp"), -EEXIST);
    assert_int_equal(RUN(.kind = OPERATION_RENAME, .path = nowhere, .second_path = "/tmp/x"),
                     -ENOENT);
    assert_int_equal(RUN(.kind = OPERATION_UNLINK, .path = nowhere), -ENOENT);
    assert_int_equal(RUN(.kind = OPERATION_UNLINK, .path = "/tmp"), -EISDIR);
}

/* A pipe that nobody writes to: only the cancellation ends the read. */
static void test_cancel(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int ends[2];
    char buffer[8] = "";
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const struct operation reading = {
        .kind = OPERATION_READ,
        .descriptor = ends[0],
        .buffer = buffer,
        .size = sizeof buffer,
        .offset = -1,
    };
    struct attempt attempt;

    submit(engine, &attempt, reading); /* before the kernel has it */
    engine->call->cancel(engine, &attempt.operation);
    engine->call->cancel(engine, &attempt.operation);
    assert_int_equal(attempt.done, 0); /* done() comes in a turn, never from cancel() */
    assert_int_equal(wait_for(engine, &attempt), -ECANCELED);

    submit(engine, &attempt, reading); /* while the kernel has it */
    for (int i = 0; i < 3; i++)
        assert_int_equal(engine->call->turn(engine, 1000), 0);
    assert_int_equal(attempt.done, 0);
    assert_int_equal(engine->pending, 1);
    engine->call->cancel(engine, &attempt.operation);
    engine->call->cancel(engine, &attempt.operation);
    assert_int_equal(wait_for(engine, &attempt), -ECANCELED);
    assert_int_equal(engine->pending, 0);

    submit(engine, &attempt, reading); /* too late: what was read is not lost */
    assert_int_equal(engine->call->turn(engine, 1000), 0);
    assert_int_equal(write(ends[1], "data", 4), 4);
    engine->call->cancel(engine, &attempt.operation);
    int result = wait_for(engine, &attempt);
    if (result == -ECANCELED) { /* it was in time: then the data is still in the pipe */
        assert_int_equal(read(ends[0], buffer, sizeof buffer), 4);
        result = 4;
    }
    assert_int_equal(result, 4);
    assert_memory_equal(buffer, "data", 4);
    for (int i = 0; i < 5; i++)
        assert_int_equal(engine->call->turn(engine, 0), 0);
    assert_int_equal(attempt.done, 1);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Opening a pipe without a writer waits in a thread of the kernel (O_CREAT sends it there), and is
 * ended by a signal to that: this, too, is told as a cancellation. */
static void test_cancel_in_a_kernel_thread(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const char *path = in_directory("pipe");
    struct attempt attempt;
    assert_int_equal(mkfifo(path, 0600), 0);
    submit(engine, &attempt,
           (struct operation){
               .kind = OPERATION_OPEN, .path = path, .flags = O_RDONLY | O_CREAT | O_CLOEXEC});
    for (int i = 0; i < 5; i++)
        assert_int_equal(engine->call->turn(engine, 2000000), 0);
    engine->call->cancel(engine, &attempt.operation);
    assert_int_equal(wait_for(engine, &attempt), -ECANCELED);
    assert_int_equal(unlink(path), 0);
}

/* A cancellation of the predecessor must not hit what has its memory now. */
static void test_cancel_hits_only_its_own(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int ends[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char buffer[8];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct attempt attempt;
    for (int i = 0; i < 2000; i++) {
        submit(engine, &attempt,
               (struct operation){.kind = OPERATION_READ,
                                  .descriptor = file,
                                  .buffer = buffer,
                                  .size = sizeof buffer});
        if (i % 2)
            assert_true(engine->call->turn(engine, 0) >= 0);
        if (!attempt.done)
            engine->call->cancel(engine, &attempt.operation);
        int result = wait_for(engine, &attempt);
        assert_true(result == sizeof buffer || result == -ECANCELED);

        submit(engine, &attempt,
               (struct operation){.kind = OPERATION_READ,
                                  .descriptor = file,
                                  .buffer = buffer,
                                  .size = sizeof buffer});
        assert_int_equal(wait_for(engine, &attempt), sizeof buffer);
    }
    (void)close(file);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* The other guard against the same: a slot's next use has another tag. */
static void test_tags(void **state)
{
    (void)state;
    struct slot_table table = {0};
    int target;
    for (uint32_t i = 1; i <= 200; i++)
        assert_int_equal(slot_take(&table, SLOT_OPERATION, &target), i);
    uint64_t tag = slot_tag(&table, 150);
    assert_int_equal(slot_find(&table, tag), 150);
    slot_put(&table, 150);
    assert_int_equal(slot_find(&table, tag), 0);
    assert_int_equal(slot_take(&table, SLOT_WATCH, &target), 150);
    assert_int_equal(slot_find(&table, tag), 0);
    assert_int_equal(slot_find(&table, slot_tag(&table, 150)), 150);
    assert_int_equal(slot_find(&table, 0), 0);
    free(table.slots);
}

/* destroy() waits for the kernel, and every operation still gets its done(). */
static void test_destroy_with_operations(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    enum { MANY = 50 };
    struct attempt attempts[MANY];
    char buffers[MANY][8];
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (int i = 0; i < MANY; i++) {
        submit(engine, &attempts[i],
               (struct operation){.kind = OPERATION_READ,
                                  .descriptor = ends[0],
                                  .buffer = buffers[i],
                                  .size = sizeof buffers[i],
                                  .offset = -1});
        if (i == MANY / 2)
            assert_int_equal(engine->call->turn(engine, 0), 0);
    }
    (void)engine_down(state);
    *state = NULL;
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(attempts[i].done, 1);
        assert_int_equal(attempts[i].result, -ECANCELED);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* More complete at once than the completion queue holds, with nothing to submit and no time to
 * wait: what overflowed is fetched all the same. */
static void test_overflow_is_fetched(void **state)
{
    (void)ENGINE_OR_SKIP(state);
    (void)engine_down(state);
    assert_int_equal(setenv("EDDY_URING_ENTRIES", "2", 1), 0);
    (void)engine_up(state);
    assert_int_equal(unsetenv("EDDY_URING_ENTRIES"), 0);
    struct engine *engine = *state;
    enum { MANY = 40 };
    struct attempt attempts[MANY];
    char buffers[MANY];
    int ends[2], done = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (int i = 0; i < MANY; i++)
        submit(engine, &attempts[i],
               (struct operation){.kind = OPERATION_READ,
                                  .descriptor = ends[0],
                                  .buffer = &buffers[i],
                                  .size = 1,
                                  .offset = -1});
    assert_int_equal(engine->call->turn(engine, 0), 0);
    char data[MANY] = "";
    assert_int_equal(write(ends[1], data, MANY), MANY);
    for (int turns = 0; done < MANY; turns++) {
        int r = engine->call->turn(engine, 0);
        assert_true(r >= 0 && turns < 10000);
        done += r;
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(attempts[i].result, 1);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* ---- very many ---- */

struct storm {
    struct engine *engine;
    size_t to_submit, flying, succeeded, cancelled;
    int file;
    char byte;
};

struct drop {
    struct operation operation;
    struct storm *storm;
    int expected; /* how often done() is due */
};

static void drop_done(struct operation *operation, int result);

static void drop_submit(struct drop *drop)
{
    struct storm *storm = drop->storm;
    if (storm->to_submit == 0)
        return;
    storm->to_submit--;
    storm->flying++;
    drop->expected = 1;
    drop->operation = (struct operation){
        .kind = storm->to_submit % 2 ? OPERATION_READ : OPERATION_SYNC,
        .descriptor = storm->to_submit % 64 < 2 ? -1 : storm->file,
        .buffer = &storm->byte,
        .size = 1,
        .done = drop_done,
    };
    if (drop->operation.kind == OPERATION_SYNC)
        drop->operation.descriptor = -1; /* answers at once: no disk in this test */
    assert_int_equal(storm->engine->call->submit(storm->engine, &drop->operation), 0);
    if (storm->to_submit % 16 == 1)
        storm->engine->call->cancel(storm->engine, &drop->operation);
}

static void drop_done(struct operation *operation, int result)
{
    struct drop *drop = (struct drop *)operation;
    assert_int_equal(drop->expected, 1); /* exactly once */
    drop->expected = 0;
    drop->storm->flying--;
    if (result == -ECANCELED)
        drop->storm->cancelled++;
    else
        drop->storm->succeeded++;
    drop_submit(drop);
}

/* 100,000 operations, 300 at a time, with cancellations, wakes and a busy watch among them, through
 * rings that are much too small: each done() comes exactly once, no wake and no edge is lost. */
static void test_small_rings_lose_nothing(void **state)
{
    const char *entries[] = {"1", "2", "8", ""};
    (void)ENGINE_OR_SKIP(state);
    (void)engine_down(state);
    *state = NULL;
    for (int i = 0; i < 4; i++) {
        static struct drop drops[300];
        assert_int_equal(setenv("EDDY_URING_ENTRIES", entries[i], 1), 0);
        (void)engine_up(state);
        struct engine *engine = ENGINE_OR_SKIP(state);
        struct storm storm = {
            .engine = engine,
            .to_submit = 100000,
            .file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
        };
        int pair[2];
        char byte;
        assert_int_equal(pipe2(pair, O_NONBLOCK | O_CLOEXEC), 0);
        struct counter counter;
        begin_edge(engine, &counter, pair[0]);

        for (int j = 0; j < 300; j++) {
            drops[j] = (struct drop){.storm = &storm};
            drop_submit(&drops[j]);
        }
        while (storm.flying > 0) {
            int told = counter.calls;
            assert_int_equal(write(pair[1], "x", 1), 1);
            engine->call->wake(engine);
            for (int turns = 0; counter.calls == told; turns++) {
                assert_true(engine->call->turn(engine, turns ? -1 : 0) >= 0);
                assert_true(turns < 100000);
            }
            assert_int_equal(read(pair[0], &byte, 1), 1);
        }
        engine->call->wake(engine);
        assert_int_equal(engine->call->turn(engine, -1), 0);
        assert_int_equal(storm.succeeded + storm.cancelled, 100000);
        assert_true(storm.cancelled > 0);
        assert_int_equal(engine->pending, 0);
        end_pair(engine, &counter, pair);
        (void)close(storm.file);
        (void)engine_down(state);
        *state = NULL;
    }
    assert_int_equal(unsetenv("EDDY_URING_ENTRIES"), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, submitting_up, engine_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_life_of_a_file),
        TEST(test_errors),
        TEST(test_cancel),
        TEST(test_cancel_in_a_kernel_thread),
        TEST(test_cancel_hits_only_its_own),
        cmocka_unit_test(test_tags),
        TEST(test_destroy_with_operations),
        TEST(test_overflow_is_fetched),
        TEST(test_small_rings_lose_nothing),
    };
    if (!mkdtemp(test_path(directory, test_folder(), "eddy-engine-XXXXXX")))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(directory);
    return failed;
}
