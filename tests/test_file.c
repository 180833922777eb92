/* SPDX-License-Identifier: MIT */
/* Files and paths: through the ring or the pool, whichever the engine brings. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#define TEST_DEFAULTS .real_system = true
#include "stream_pairs.h"
#include "support/folder.h"

static char directory[TEST_PATH], path[TEST_PATH + 8], other[TEST_PATH + 8];

/* A directory of the test's own, and two names in it. */
static void directory_make(void)
{
    if (!mkdtemp(test_path(directory, test_folder(), "eddy-test-file-XXXXXX")))
        abort();
    (void)snprintf(path, sizeof path, "%s/file", directory);
    (void)snprintf(other, sizeof other, "%s/other", directory);
}

static bool directory_remove(void)
{
    return EXPECT_INT(rmdir(directory), 0);
}

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

TEST(write_read_seek_and_sync)
{
    directory_make();
    eddy_file *file;
    char buffer[64] = "";
    CHECK_INT(eddy_file_open(path, O_RDWR | O_CREAT | O_EXCL, 0640, &file), 0);
    CHECK(fcntl(eddy_file_descriptor(file), F_GETFD) & FD_CLOEXEC);
    CHECK_INT(eddy_file_write(file, "hello ", 6), 6);
    CHECK_INT(eddy_file_write(file, "world", 5), 5);
    CHECK_INT(eddy_file_write(file, "", 0), 0);
    CHECK_INT(eddy_file_read(file, buffer, sizeof buffer), 0); /* at the end */
    CHECK_INT(eddy_file_pread(file, buffer, sizeof buffer, 6), 5);
    CHECK_TEXT(buffer, "world");
    CHECK_INT(eddy_file_pwrite(file, "H", 1, 0), 1);
    CHECK_INT(eddy_file_write(file, "!", 1), 1); /* the position hasn't moved */
    CHECK_INT(eddy_file_sync(file), 0);
    CHECK_INT(eddy_file_pread(file, buffer, sizeof buffer, 0), 12);
    CHECK_TEXT(buffer, "Hello world!");
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_file_open(path, O_RDONLY, 0, &file), 0);
    CHECK_INT(eddy_file_read(file, buffer, 5), 5);
    CHECK_INT(eddy_file_read(file, buffer, 5), 5);
    CHECK(memcmp(buffer, " worl", 5) == 0);
    CHECK_INT(eddy_file_read(file, buffer, 0), 0);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_unlink(path), 0);
    CHECK(directory_remove());
    return 0;
}

TEST(ten_megabytes)
{
    directory_make();
    const size_t size = 10 << 20;
    char *data = malloc(size);
    pattern_fill(data, size, 0);
    eddy_file *file;
    CHECK_INT(eddy_file_open(path, O_RDWR | O_CREAT, 0600, &file), 0);
    CHECK_INT(eddy_file_write(file, data, size), size);
    memset(data, 0, size);
    for (size_t have = 0; have < size;) {
        ssize_t n = eddy_file_pread(file, data + have, size - have, have);
        CHECK(n > 0);
        have += (size_t)n;
    }
    CHECK(pattern_holds(data, size, 0));
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_unlink(path), 0);
    free(data);
    CHECK(directory_remove());
    return 0;
}

/* ---- many at once ---- */

struct write_block {
    eddy_file *file;
    size_t number;
};

enum { BLOCK = 5000 };

static int write_block(struct write_block *a)
{
    char block[BLOCK], back[BLOCK];
    pattern_fill(block, sizeof block, a->number * BLOCK);
    EXPECT_INT(eddy_file_pwrite(a->file, block, BLOCK, a->number * BLOCK), BLOCK);
    EXPECT_INT(eddy_file_pread(a->file, back, BLOCK, a->number * BLOCK), BLOCK);
    EXPECT(memcmp(block, back, BLOCK) == 0);
    return 0;
}

TEST(a_hundred_tasks_on_one_file)
{
    directory_make();
    eddy_file *file;
    char *data = malloc(100 * BLOCK);
    int err;
    CHECK_INT(eddy_file_open(path, O_RDWR | O_CREAT, 0600, &file), 0);
    eddy_with_group (g, &err) {
        for (size_t i = 0; i < 100; i++)
            eddy_spawn(g, write_block, .file = file, .number = i);
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_file_read(file, data, 100 * BLOCK), 100 * BLOCK);
    CHECK(pattern_holds(data, 100 * BLOCK, 0));
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_unlink(path), 0);
    free(data);
    CHECK(directory_remove());
    return 0;
}

/* ---- errors ---- */

TEST(failures_name_path_and_operation)
{
    directory_make();
    eddy_file *file = NULL;
    char expected[512];
    CHECK_INT(eddy_file_open(path, O_RDONLY, 0, &file), -ENOENT);
    (void)snprintf(expected, sizeof expected, "can't open '%s': No such file or directory", path);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK_INT(eddy_unlink(path), -ENOENT);
    (void)snprintf(expected, sizeof expected, "can't delete '%s': No such file or directory", path);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK_INT(eddy_rename(path, other), -ENOENT);
    (void)snprintf(expected, sizeof expected,
                   "can't rename '%s' to '%s': No such file or directory", path, other);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK_INT(eddy_make_directory(directory, 0700), -EEXIST);
    (void)snprintf(expected, sizeof expected, "can't make the directory '%s': File exists",
                   directory);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK(!file);
    CHECK_INT(eddy_file_open(directory, O_RDONLY, 0, &file), 0);
    CHECK_INT(eddy_file_read(file, expected, 1), -EISDIR);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "/eddy-test-file-");
    CHECK_INT(eddy_file_write(file, "x", 1), -EBADF);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK(directory_remove());
    return 0;
}

TEST(a_full_disk)
{
    eddy_file *file;
    CHECK_INT(eddy_file_open("/dev/full", O_WRONLY, 0, &file), 0);
    CHECK_INT(eddy_file_write(file, "x", 1), -ENOSPC);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "writing to '/dev/full', after 0 of 1 bytes: No space left on device");
    CHECK_INT(eddy_file_close(file), 0);
    return 0;
}

TEST(a_limit_in_the_middle_of_a_write)
{
    directory_make();
    eddy_file *file;
    struct rlimit limit, before;
    char *data = calloc(1, 100000);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 30000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(eddy_file_open(path, O_RDWR | O_CREAT, 0600, &file), 0);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ssize_t n = eddy_file_write(file, data, 100000);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    if (n != 100000) { /* a ring's own threads know no limit of that kind */
        CHECK_INT(n, -EFBIG);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "after 30000 of 100000 bytes");
        /* What is written next comes behind the part, not on top of it. */
        char last[16] = "";
        CHECK_INT(eddy_file_write(file, "the rest", 8), 8);
        CHECK_INT(eddy_file_pread(file, last, sizeof last, 30000), 8);
        CHECK_TEXT(last, "the rest");
    }
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_unlink(path), 0);
    free(data);
    CHECK(directory_remove());
    return 0;
}

/* ---- paths ---- */

TEST(directories)
{
    char deep[256];
    directory_make();
    CHECK_INT(eddy_make_directory(path, 0700), 0);
    (void)snprintf(deep, sizeof deep, "%s/a//b/c/", path);
    CHECK_INT(eddy_make_directory(deep, 0700), -ENOENT);
    CHECK_INT(eddy_make_directories(deep, 0500), 0);
    struct stat status;
    CHECK_INT(stat(deep, &status), 0);
    CHECK_INT(status.st_mode & 0777, 0500);
    CHECK_INT(eddy_make_directories(deep, 0700), 0); /* exists already */
    CHECK_INT(eddy_make_directories("/", 0700), 0);
    CHECK_INT(eddy_make_directories(".", 0700), 0);
    CHECK_INT(eddy_make_directories("", 0700), -ENOENT);
    CHECK_INT(rmdir(deep), 0);
    (void)snprintf(deep, sizeof deep, "%s/a/b", path);
    CHECK_INT(rmdir(deep), 0);
    (void)snprintf(deep, sizeof deep, "%s/a", path);
    CHECK_INT(eddy_rename(deep, other), 0);
    CHECK(exists(other) && !exists(deep));
    CHECK_INT(rmdir(other), 0);
    CHECK_INT(rmdir(path), 0);
    CHECK(directory_remove());
    return 0;
}

TEST(a_file_where_a_directory_should_be)
{
    char deep[256];
    eddy_file *file;
    directory_make();
    CHECK_INT(eddy_file_open(path, O_WRONLY | O_CREAT, 0600, &file), 0);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_make_directories(path, 0700), -EEXIST);
    (void)snprintf(deep, sizeof deep, "%s/a/b", path);
    CHECK_INT(eddy_make_directories(deep, 0700), -ENOTDIR);
    CHECK_INT(eddy_unlink(path), 0);
    CHECK(directory_remove());
    return 0;
}

TEST(a_relative_path)
{
    directory_make();
    char before[4096];
    CHECK(getcwd(before, sizeof before));
    CHECK_INT(chdir(directory), 0);
    CHECK_INT(eddy_make_directories("x/y/../z", 0700), 0);
    CHECK(exists("x/y") && exists("x/z"));
    CHECK_INT(rmdir("x/y"), 0);
    CHECK_INT(rmdir("x/z"), 0);
    CHECK_INT(rmdir("x"), 0);
    CHECK_INT(chdir(before), 0);
    CHECK(directory_remove());
    return 0;
}

/* ---- cancels ---- */

TEST(in_a_cancelled_scope_nothing_is_begun_but_closing_works)
{
    directory_make();
    eddy_file *file = NULL, *second = NULL;
    char c;
    int err;
    CHECK_INT(eddy_file_open(path, O_RDWR | O_CREAT, 0600, &file), 0);
    eddy_with_timeout (0, &err) {
        CHECK_INT(eddy_file_open(other, O_RDWR | O_CREAT, 0600, &second), -ECANCELED);
        CHECK_INT(eddy_file_write(file, "x", 1), -ECANCELED);
        CHECK_INT(eddy_file_read(file, &c, 1), -ECANCELED);
        CHECK_INT(eddy_file_sync(file), -ECANCELED);
        CHECK_INT(eddy_unlink(path), -ECANCELED);
        CHECK_INT(eddy_make_directories(other, 0700), -ECANCELED);
        CHECK_INT(eddy_file_close(file), 0);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK(!second && !exists(other));
    CHECK_INT(eddy_unlink(path), 0);
    CHECK(directory_remove());
    return 0;
}

struct open_one {
    const char *name;
    int *result;
};

static int open_one(struct open_one *a)
{
    eddy_file *file = NULL;
    *a->result = eddy_file_open(a->name, O_RDWR | O_CREAT, 0600, &file);
    EXPECT(!*a->result == !!file);
    return file ? eddy_file_close(file) : *a->result;
}

TEST(a_cancel_at_any_moment_leaves_nothing_open)
{
    directory_make();
    size_t before = test_count_descriptors();
    for (int i = 0; i < 100; i++) {
        int result[8], err;
        eddy_with_group (g, &err) {
            for (int k = 0; k < 8; k++) {
                result[k] = -ECANCELED; /* never begun */
                eddy_spawn(g, open_one, .name = path, .result = &result[k]);
            }
            turns(i % 4);
            eddy_group_cancel(g);
        }
        CHECK_INT(err, 0);
        for (int k = 0; k < 8; k++)
            CHECK(result[k] == 0 || result[k] == -ECANCELED);
    }
    CHECK(test_count_descriptors() <= before + 1); /* the pool may wake its threads by one */
    if (exists(path))
        CHECK_INT(unlink(path), 0);
    CHECK(directory_remove());
    return 0;
}

struct read_one {
    eddy_file *file;
};

static int read_one(struct read_one *a)
{
    char c;
    return (int)eddy_file_read(a->file, &c, 1);
}

/* The ring stops a read that waits; the pool's thread has to be waited for. */
TEST(a_cancelled_read)
{
    directory_make();
    eddy_file *file;
    CHECK_INT(mkfifo(path, 0600), 0);
    CHECK_INT(eddy_file_open(path, O_RDWR, 0, &file), 0);
    eddy_task *task = eddy_create_task(read_one, .file = file);
    eddy_file *some;
    /* Gives the read time to begin. */
    CHECK_INT(eddy_file_open("/dev/null", O_RDONLY, 0, &some), 0);
    CHECK_INT(eddy_file_close(some), 0);
    CHECK(eddy_task_cancel(task));
    if (strcmp(eddy_engine_name(), "uring") == 0) {
        CHECK_INT(eddy_await(task), -ECANCELED);
    } else {
        CHECK_INT(write(eddy_file_descriptor(file), "x", 1), 1);
        int r = eddy_await(task);
        CHECK(r == 1 || r == -ECANCELED); /* it was at work on it, or still in the queue */
    }
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_unlink(path), 0);
    CHECK(directory_remove());
    return 0;
}

TEST(a_file_closed_during_an_operation_is_closed_after_it)
{
    directory_make();
    eddy_file *file;
    CHECK_INT(mkfifo(path, 0600), 0);
    CHECK_INT(eddy_file_open(path, O_RDWR, 0, &file), 0);
    int descriptor = eddy_file_descriptor(file);
    eddy_task *task = eddy_create_task(read_one, .file = file);
    turns(2);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK(fcntl(descriptor, F_GETFD) >= 0);
    CHECK_INT(write(descriptor, "x", 1), 1);
    CHECK_INT(eddy_await(task), 1);
    CHECK(fcntl(descriptor, F_GETFD) < 0);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_INT(eddy_unlink(path), 0);
    CHECK(directory_remove());
    return 0;
}

/* ---- bad input ---- */

TEST(bad_arguments_are_reported)
{
    eddy_file *file = NULL;
    char c;
    CHECK_INT(eddy_file_open(NULL, O_RDONLY, 0, &file), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_open: the path is NULL");
    CHECK_INT(eddy_file_open("/dev/null", O_RDONLY, 0, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_open: the file is NULL");
    CHECK_INT(eddy_file_read(NULL, &c, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_read: the file is NULL");
    CHECK_INT(eddy_file_open("/dev/null", O_RDWR, 0, &file), 0);
    CHECK_INT(eddy_file_read(file, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the buffer is NULL");
    CHECK_INT(eddy_file_write(file, &c, SIZE_MAX), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a size of");
    CHECK_INT(eddy_file_pread(file, &c, 1, UINT64_MAX), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "an offset of");
    CHECK_INT(eddy_file_pwrite(file, &c, 1, INT64_MAX), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "an offset of");
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_file_close(NULL), 0);
    CHECK_INT(eddy_file_sync(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_sync");
    CHECK_INT(eddy_rename("a", NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_rename");
    CHECK_INT(eddy_unlink(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_unlink");
    CHECK_INT(eddy_make_directory(NULL, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_make_directory");
    CHECK_INT(eddy_make_directories(NULL, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_make_directories");
    return 0;
}

static eddy_file *survivor;

static int open_survivor(void)
{
    return eddy_file_open("/dev/null", O_RDWR, 0, &survivor);
}

PLAIN_TEST(a_file_can_be_closed_after_its_loop)
{
    EXPECT_INT(test_run(open_survivor), 0);
    test_stderr_begin();
    char c;
    ssize_t n = eddy_file_read(survivor, &c, 1);
    const char *said = test_stderr_end();
    EXPECT_INT(n, -EINVAL);
    EXPECT_CONTAINS(said, "eddy_file_read: awaited outside a task");
    EXPECT_INT(eddy_file_close(survivor), 0);
}
