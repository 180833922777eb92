/* SPDX-License-Identifier: MIT */
/*
 * Simulated files: the calls of eddy/file.h on a disk in memory, its errors, and what a bad disk
 * does.
 */
#include "loop.h"
#include "support/file_content.h"
#include "support/sim_test.h"

static const struct eddy_sim_options plain;

/* The engine's operation as it is, for what eddy/file.h doesn't do. */
struct attempt {
    struct operation operation;
    int done, result;
};

static void attempt_done(struct operation *operation, int result)
{
    struct attempt *attempt = container_of(operation, struct attempt, operation);
    attempt->done++;
    attempt->result = result;
}

static int submit(struct attempt *attempt, struct operation operation)
{
    struct engine *engine = loop_self->engine;
    *attempt = (struct attempt){.operation = operation};
    attempt->operation.done = attempt_done;
    return engine->call->submit(engine, &attempt->operation);
}

static int run(struct operation operation)
{
    struct attempt attempt;
    int r = submit(&attempt, operation);
    while (r == 0 && !attempt.done)
        r = eddy_sleep(0.01);
    return r < 0 ? r : attempt.done == 1 ? attempt.result : -EBADE;
}

#define RUN(...) run((struct operation){__VA_ARGS__})

/* ---- reading and writing ---- */

static int open_as(const char *path, int flags)
{
    eddy_file *file;
    int r = eddy_file_open(path, flags, 0644, &file);
    return r < 0 ? r : eddy_file_close(file);
}

static int life_program(void)
{
    eddy_file *file;
    char buffer[32] = "";
    CHECK_INT(eddy_file_open("/tmp/data", O_RDWR | O_CREAT | O_EXCL, 0600, &file), 0);
    CHECK(eddy_file_descriptor(file) >= 10000);
    CHECK_INT(eddy_file_write(file, "The quick brown fox", 19), 19);
    CHECK_INT(eddy_file_read(file, buffer, sizeof buffer), 0);
    CHECK_INT(eddy_file_pread(file, buffer, 5, 4), 5);
    CHECK(strcmp(buffer, "quick") == 0);
    CHECK_INT(eddy_file_pwrite(file, "slow ", 5, 4), 5);
    CHECK_INT(eddy_file_pread(file, buffer, sizeof buffer, 100), 0);
    CHECK_INT(eddy_file_sync(file), 0);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK(file_holds("/tmp/data", "The slow  brown fox"));
    CHECK(file_holds("tmp/../tmp/./data", "The slow  brown fox")); /* relative ones begin at "/" */

    CHECK_INT(eddy_file_open("/tmp/data", O_WRONLY | O_APPEND, 0, &file), 0);
    CHECK_INT(eddy_file_write(file, "!", 1), 1);
    CHECK_INT(eddy_file_pwrite(file, "?", 1, 0), 1); /* at the end, too */
    CHECK_INT(eddy_file_read(file, buffer, 1), -EBADF);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK(file_holds("/tmp/data", "The slow  brown fox!?"));
    CHECK_INT(file_make("/tmp/data", "new"), 0); /* O_TRUNC */
    CHECK(file_holds("/tmp/data", "new"));

    CHECK_INT(eddy_file_open("/tmp/data", O_RDWR, 0, &file), 0);
    CHECK_INT(eddy_file_pwrite(file, "x", 1, 6), 1); /* a hole reads as zeros */
    CHECK_INT(eddy_file_read(file, buffer, sizeof buffer), 7);
    CHECK(memcmp(buffer, "new\0\0\0x", 7) == 0);
    CHECK_INT(eddy_file_pwrite(file, "x", 1, 1u << 30), -EFBIG);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_file_open("/tmp/data", O_RDONLY, 0, &file), 0);
    CHECK_INT(eddy_file_write(file, "x", 1), -EBADF);
    CHECK_INT(eddy_file_close(file), 0);
    return 0;
}

static int positions_program(void)
{
    struct engine *engine = loop_self->engine;
    char buffer[8] = "";
    CHECK_INT(file_make("/a", "0123456789"), 0);
    int number = RUN(.kind = OPERATION_OPEN, .path = "/a", .flags = O_RDONLY);
    CHECK(number >= 10000);
    CHECK_INT(RUN(.kind = OPERATION_READ, .descriptor = number, .buffer = buffer, .size = 4,
                  .offset = -1),
              4);
    CHECK_INT(engine->call->position(engine, number), 4);
    CHECK_INT(
        RUN(.kind = OPERATION_READ, .descriptor = number, .buffer = buffer, .size = 4, .offset = 0),
        4);
    CHECK_INT(engine->call->position(engine, number), 4); /* an offset leaves it alone */
    CHECK_INT(RUN(.kind = OPERATION_READ, .descriptor = number, .buffer = buffer, .size = 8,
                  .offset = -1),
              6);
    CHECK(memcmp(buffer, "456789", 6) == 0);
    struct watch watch = {.descriptor = number};
    CHECK_INT(engine->call->watch(engine, &watch), -EPERM);
    CHECK_INT(engine->call->receive(engine, number, buffer, 1), -EPERM);
    CHECK_INT(RUN(.kind = OPERATION_CLOSE, .descriptor = number), 0);
    CHECK_INT(RUN(.kind = OPERATION_CLOSE, .descriptor = number), -EBADF);
    number = RUN(.kind = OPERATION_OPEN, .path = "/b", .flags = O_WRONLY | O_CREAT);
    for (int i = 0; i < 2; i++)
        CHECK_INT(RUN(.kind = OPERATION_WRITE, .descriptor = number, .buffer = buffer, .size = 2,
                      .offset = -1),
                  2);
    CHECK(file_holds("/b", "4545"));
    CHECK_INT(RUN(.kind = OPERATION_CLOSE, .descriptor = number), 0);
    CHECK_INT(RUN(.kind = OPERATION_READ, .descriptor = number, .buffer = buffer, .size = 1),
              -EBADF);
    CHECK_INT(RUN(.kind = OPERATION_SYNC, .descriptor = number), -EBADF);
    number = RUN(.kind = OPERATION_OPEN, .path = "/", .flags = O_PATH);
    CHECK_INT(engine->call->position(engine, number), -EBADF);
    CHECK_INT(RUN(.kind = OPERATION_SYNC, .descriptor = number), -EBADF);
    CHECK_INT(engine->call->close(engine, number), 0);
    CHECK_INT(engine->pending, 0);
    return 0;
}

PLAIN_TEST(the_life_of_a_file)
{
    (void)sim_passes(1, plain, life_program);
    (void)sim_passes(1, plain, positions_program);
}

/* ---- names ---- */

static int open_errors_program(void)
{
    static char long_name[300], long_path[5000];
    memset(long_name, 'a', sizeof long_name - 1);
    memset(long_path, '/', sizeof long_path - 1);
    CHECK_INT(file_make("/file", "x"), 0);
    CHECK_INT(open_as("/nothing", O_RDONLY), -ENOENT);
    CHECK_INT(open_as("", O_RDONLY), -ENOENT);
    CHECK_INT(open_as("/nowhere/file", O_WRONLY | O_CREAT), -ENOENT);
    CHECK_INT(open_as("/file/below", O_WRONLY | O_CREAT), -ENOTDIR);
    CHECK_INT(open_as("/file/", O_RDONLY), -ENOTDIR);
    CHECK_INT(open_as("/new/", O_WRONLY | O_CREAT), -EISDIR);
    CHECK_INT(open_as("/file", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
    CHECK_INT(open_as("/file", O_RDONLY | O_DIRECTORY), -ENOTDIR);
    CHECK_INT(open_as("/tmp", O_WRONLY), -EISDIR);
    CHECK_INT(open_as("/tmp", O_RDONLY | O_CREAT), -EISDIR);
    CHECK_INT(open_as("/tmp", O_RDONLY | O_CREAT | O_DIRECTORY), -EINVAL);
    CHECK_INT(open_as("/tmp", O_RDWR | O_TMPFILE), -EISDIR);
    CHECK_INT(open_as(long_name, O_RDONLY), -ENAMETOOLONG);
    CHECK_INT(open_as(long_path, O_RDONLY), -ENAMETOOLONG);
    CHECK_INT(open_as("/tmp/", O_RDONLY | O_DIRECTORY), 0);
    CHECK_INT(open_as("/..", O_RDONLY), 0);
    eddy_file *file;
    char byte;
    CHECK_INT(eddy_file_open("/tmp", O_RDONLY, 0, &file), 0);
    CHECK_INT(eddy_file_read(file, &byte, 1), -EISDIR);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(open_as("/file", O_RDONLY | O_TRUNC), 0); /* Linux does it */
    CHECK(file_holds("/file", ""));
    return 0;
}

static int directories_program(void)
{
    CHECK_INT(eddy_make_directory("/a", 0755), 0);
    CHECK_INT(eddy_make_directory("/a", 0755), -EEXIST);
    CHECK_INT(eddy_make_directory("/", 0755), -EEXIST);
    CHECK_INT(eddy_make_directory("/a/.", 0755), -EEXIST);
    CHECK_INT(eddy_make_directory("/b/c", 0755), -ENOENT);
    CHECK_INT(eddy_make_directories("/b/c/d/", 0755), 0);
    CHECK_INT(eddy_make_directories("b/c/d", 0755), 0);
    CHECK_INT(file_make("/b/c/d/file", "deep"), 0);
    CHECK_INT(eddy_make_directories("/b/c/d/file", 0755), -EEXIST);
    CHECK_INT(eddy_make_directories("/b/c/d/file/e", 0755), -ENOTDIR);
    CHECK_INT(eddy_unlink("/b/c"), -EISDIR);
    CHECK_INT(eddy_unlink("/"), -EISDIR);
    CHECK_INT(eddy_unlink("/nothing"), -ENOENT);
    CHECK_INT(eddy_unlink("/b/c/d/file/"), -ENOTDIR);
    CHECK(file_holds("/b/../b/c/./d/file", "deep"));
    CHECK_INT(eddy_unlink("/b/c/d/file"), 0);
    CHECK_INT(eddy_unlink("/b/c/d/file"), -ENOENT);
    return 0;
}

static int rename_program(void)
{
    CHECK_INT(eddy_make_directories("/a/b", 0755), 0);
    CHECK_INT(eddy_make_directory("/c", 0755), 0);
    CHECK_INT(file_make("/one", "1"), 0);
    CHECK_INT(file_make("/two", "2"), 0);
    CHECK_INT(eddy_rename("/one", "/two"), 0);
    CHECK(file_holds("/two", "1"));
    CHECK_INT(open_as("/one", O_RDONLY), -ENOENT);
    CHECK_INT(eddy_rename("/two", "/two"), 0);
    CHECK_INT(eddy_rename("/two", "/a/b/two"), 0);
    CHECK(file_holds("/a/b/two", "1"));
    CHECK_INT(file_make("/two", "2"), 0);
    CHECK_INT(eddy_rename("/nothing", "/x"), -ENOENT);
    CHECK_INT(eddy_rename("/two", "/nowhere/x"), -ENOENT);
    CHECK_INT(eddy_rename("/two", "/two/x"), -ENOTDIR);
    CHECK_INT(eddy_rename("/two", "/c"), -EISDIR);
    CHECK_INT(eddy_rename("/two", "/x/"), -ENOTDIR);
    CHECK_INT(eddy_rename("/c", "/two"), -ENOTDIR);
    CHECK_INT(eddy_rename("/c", "/a"), -ENOTEMPTY);
    CHECK_INT(eddy_rename("/a/b/two", "/a"), -ENOTEMPTY);
    CHECK_INT(eddy_rename("/a", "/a/b/c"), -EINVAL);
    CHECK_INT(eddy_rename("/a", "/"), -EBUSY);
    CHECK_INT(eddy_rename("/a/..", "/x"), -EBUSY);
    CHECK_INT(eddy_rename("/a/b", "/c/"), 0); /* over an empty directory */
    CHECK(file_holds("/c/two", "1"));
    CHECK(file_holds("/c/../c/two", "1"));
    CHECK_INT(open_as("/a/b", O_RDONLY), -ENOENT);
    return 0;
}

static int unlinked_program(void)
{
    eddy_file *file;
    char buffer[8];
    CHECK_INT(file_make("/file", "old"), 0);
    CHECK_INT(eddy_file_open("/file", O_RDWR, 0, &file), 0);
    CHECK_INT(eddy_unlink("/file"), 0);
    CHECK_INT(file_make("/file", "another"), 0);
    CHECK_INT(eddy_file_read(file, buffer, sizeof buffer), 3); /* it lives on */
    CHECK_INT(eddy_file_write(file, "er", 2), 2);
    CHECK_INT(eddy_file_pread(file, buffer, sizeof buffer, 0), 5);
    CHECK(memcmp(buffer, "older", 5) == 0);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK(file_holds("/file", "another"));
    return 0;
}

PLAIN_TEST(names)
{
    (void)sim_passes(1, plain, open_errors_program);
    (void)sim_passes(1, plain, directories_program);
    (void)sim_passes(1, plain, rename_program);
    (void)sim_passes(1, plain, unlinked_program);
}

/* ---- a full disk ---- */

static int full_program(void)
{
    const struct eddy_sim_disk small = {.capacity = 1000}, large = {.capacity = 2000};
    static char block[600], back[2000];
    eddy_file *file, *second;
    memset(block, 'x', sizeof block);
    CHECK_INT(eddy_sim_set_disk(&small), 0);
    CHECK_INT(eddy_file_open("/a", O_RDWR | O_CREAT, 0600, &file), 0);
    CHECK_INT(eddy_file_write(file, block, 600), 600);
    CHECK_INT(eddy_file_write(file, block, 600), -ENOSPC);
    CHECK(strstr(eddy_failure_message(eddy_last_failure()), "after 400 of 600 bytes"));
    CHECK_INT(eddy_file_pread(file, back, sizeof back, 0), 1000); /* what was written is there */
    CHECK_INT(eddy_file_pwrite(file, block, 10, 500), 10);        /* writing over takes no room */
    CHECK_INT(eddy_file_write(file, "x", 1), -ENOSPC);
    CHECK_INT(eddy_file_open("/b", O_RDWR | O_CREAT, 0600, &second), 0);
    CHECK_INT(eddy_file_write(second, "x", 1), -ENOSPC);
    CHECK_INT(eddy_unlink("/a"), 0);
    CHECK_INT(eddy_file_write(second, "x", 1), -ENOSPC); /* open, it still takes its room */
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_file_write(second, block, 600), 600);
    CHECK_INT(eddy_file_write(second, block, 600), -ENOSPC);
    CHECK_INT(eddy_sim_set_disk(&large), 0);
    CHECK_INT(eddy_file_write(second, block, 600), 600);
    CHECK_INT(eddy_file_pread(second, back, sizeof back, 0), 1600);
    CHECK_INT(open_as("/b", O_WRONLY | O_TRUNC), 0);
    CHECK_INT(eddy_file_pwrite(second, block, 600, 1400), 600);
    CHECK_INT(eddy_file_close(second), 0);
    return 0;
}

PLAIN_TEST(full_disk)
{
    (void)sim_passes(1, plain, full_program);
}

/* ---- bad disks ---- */

static int slow_program(void)
{
    double began = eddy_time();
    CHECK_INT(file_make("/a", "x"), 0); /* open and write, closing is at once */
    double took = eddy_time() - began;
    CHECK(took >= 0.2 && took <= 0.4);
    CHECK_INT(eddy_unlink("/a"), 0);
    CHECK(eddy_time() > began + took);
    return 0;
}

static int failing_program(void)
{
    const struct eddy_sim_disk bad = {.failure = 1};
    eddy_file *file;
    char byte;
    CHECK_INT(eddy_file_open("/a", O_RDWR | O_CREAT, 0600, &file), 0);
    CHECK_INT(eddy_file_write(file, "x", 1), 1);
    CHECK_INT(eddy_sim_set_disk(&bad), 0);
    CHECK_INT(eddy_file_write(file, "x", 1), -EIO);
    CHECK_INT(eddy_file_pread(file, &byte, 1, 0), -EIO);
    CHECK_INT(eddy_file_sync(file), -EIO);
    CHECK_INT(eddy_sim_set_disk(&(struct eddy_sim_disk){.capacity = 0}), 0);
    CHECK_INT(eddy_file_pread(file, &byte, 1, 1), 0); /* nothing was written */
    CHECK_INT(eddy_file_close(file), 0);
    return 0;
}

static int short_program(void)
{
    static char block[5000], back[5000];
    eddy_file *file;
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 7);
    CHECK_INT(eddy_file_open("/a", O_RDWR | O_CREAT, 0600, &file), 0);
    CHECK_INT(eddy_file_write(file, block, sizeof block), sizeof block); /* in several writes */
    size_t at = 0;
    int reads = 0;
    for (ssize_t n; (n = eddy_file_pread(file, back + at, sizeof back - at, at)) > 0; reads++)
        at += (size_t)n;
    CHECK_INT(at, sizeof block);
    CHECK(reads > 2);
    CHECK(memcmp(block, back, sizeof block) == 0);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_sim_set_disk(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_disk: the disk is NULL");
    CHECK_INT(eddy_sim_set_disk(&(struct eddy_sim_disk){.failure = 2}), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_disk: a disk's chances");
    return 0;
}

PLAIN_TEST(bad_disks)
{
    (void)sim_passes(1, (struct eddy_sim_options){.disk = {.delay_min = 0.1, .delay_max = 0.2}},
                     slow_program);
    (void)sim_passes(1, plain, failing_program);
    (void)sim_passes(1, (struct eddy_sim_options){.disk.short_io = 1}, short_program);
}

/* ---- cancels ---- */

static int stopped, too_late;

/* Cancelled on the way: stopped at once and nothing done, or in its time and all done. */
static int cancel_program(void)
{
    const struct eddy_sim_disk slow = {.delay_min = 5, .delay_max = 5};
    struct engine *engine = loop_self->engine;
    struct attempt attempt;
    char data[] = "data";
    int number = RUN(.kind = OPERATION_OPEN, .path = "/a", .flags = O_RDWR | O_CREAT);
    CHECK_INT(eddy_sim_set_disk(&slow), 0);
    double began = eddy_time();
    CHECK_INT(submit(&attempt,
                     (struct operation){
                         .kind = OPERATION_WRITE, .descriptor = number, .buffer = data, .size = 4}),
              0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(attempt.done, 0);
    engine->call->cancel(engine, &attempt.operation);
    CHECK_INT(attempt.done, 0); /* not from within the call */
    while (!attempt.done)
        CHECK_INT(eddy_sleep(0.5), 0);
    double took = eddy_time() - began;
    CHECK_INT(eddy_sleep(100), 0);
    CHECK_INT(attempt.done, 1);
    memset(data, '-', sizeof data);
    CHECK_INT(eddy_sim_set_disk(&(struct eddy_sim_disk){.capacity = 0}), 0);
    if (attempt.result == -ECANCELED) {
        stopped++;
        CHECK(took < 2);
        CHECK(file_holds("/a", ""));
    } else {
        too_late++;
        CHECK_INT(attempt.result, 4);
        CHECK(took >= 5);
        CHECK(file_holds("/a", "data"));
    }
    CHECK_INT(engine->call->close(engine, number), 0);
    return 0;
}

/* A number that is closed and given out again under an operation: that goes on with its own
 * file. */
static int reused_number_program(void)
{
    const struct eddy_sim_disk slow = {.delay_min = 1, .delay_max = 1};
    struct engine *engine = loop_self->engine;
    struct attempt attempt;
    char data[] = "data";
    int number = RUN(.kind = OPERATION_OPEN, .path = "/a", .flags = O_RDWR | O_CREAT);
    CHECK_INT(eddy_sim_set_disk(&slow), 0);
    CHECK_INT(submit(&attempt,
                     (struct operation){
                         .kind = OPERATION_WRITE, .descriptor = number, .buffer = data, .size = 4}),
              0);
    CHECK_INT(engine->call->close(engine, number), 0);
    CHECK_INT(eddy_sim_set_disk(&(struct eddy_sim_disk){.capacity = 0}), 0);
    CHECK_INT(RUN(.kind = OPERATION_OPEN, .path = "/b", .flags = O_RDWR | O_CREAT), number);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_INT(attempt.result, 4);
    CHECK(file_holds("/a", "data"));
    CHECK(file_holds("/b", ""));
    CHECK_INT(engine->call->close(engine, number), 0);
    return 0;
}

PLAIN_TEST(cancels)
{
    stopped = too_late = 0;
    for (uint64_t seed = 1; seed <= 100; seed++)
        (void)sim_passes(seed, plain, cancel_program);
    EXPECT(stopped > 25 && too_late > 25);
    (void)sim_passes(1, plain, reused_number_program);
}

/* The end of the loop ends what is under way, once. */
static struct attempt left[20];
static char left_buffers[20][4];

static int leaving_program(void)
{
    CHECK_INT(file_make("/a", "data"), 0);
    int number = RUN(.kind = OPERATION_OPEN, .path = "/a", .flags = O_RDONLY);
    CHECK(number >= 10000);
    CHECK_INT(eddy_sim_set_disk(&(struct eddy_sim_disk){.delay_min = 1000}), 0);
    for (int i = 0; i < 20; i++)
        CHECK_INT(submit(&left[i], (struct operation){.kind = OPERATION_READ,
                                                      .descriptor = number,
                                                      .buffer = left_buffers[i],
                                                      .size = 4}),
                  0);
    return 0; /* the file stays open, too */
}

PLAIN_TEST(the_end_of_the_loop)
{
    (void)sim_passes(1, plain, leaving_program);
    for (int i = 0; i < 20; i++) {
        EXPECT_INT(left[i].done, 1);
        EXPECT_INT(left[i].result, -ECANCELED);
    }
}
