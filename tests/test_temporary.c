/* SPDX-License-Identifier: MIT */
/* Temporary files and directories, files that are replaced whole, copies. */
#include <sys/resource.h>
#include "support/file_test.h"

static bool exists(const char *path)
{
    struct stat status;
    return eddy_path_status(path, &status, false) == 0;
}

/* Names in the folder of the test, "." and ".." not counted. */
static int count_scratch(void)
{
    eddy_directory *directory;
    struct eddy_directory_entry entry;
    int count = 0;
    if (eddy_directory_open(scratch, &directory) < 0)
        return -1;
    while (eddy_directory_next(directory, &entry) > 0)
        count++;
    eddy_directory_close(directory);
    return count;
}

/* ---- temporary ones ---- */

TEST(a_temporary_file_is_deleted_when_it_is_closed)
{
    eddy_temporary *one, *two;
    char path[256];
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(eddy_temporary_file_open(scratch, 0600, &one), 0);
    CHECK_INT(eddy_temporary_file_open(scratch, 0600, &two), 0);
    CHECK(strcmp(eddy_temporary_path(one), eddy_temporary_path(two)) != 0);
    CHECK_CONTAINS(eddy_temporary_path(one), "/.eddy-");
    (void)snprintf(path, sizeof path, "%s", eddy_temporary_path(one));
    CHECK_INT(eddy_file_write(eddy_temporary_file(one), "text", 4), 4);
    CHECK(file_holds(path, "text"));
    CHECK_INT(eddy_temporary_close(one), 0);
    CHECK(!exists(path));
    CHECK_INT(eddy_unlink(eddy_temporary_path(two)), 0);
    CHECK_INT(eddy_temporary_close(two), 0); /* gone already */
    CHECK_INT(eddy_temporary_close(NULL), 0);
    CHECK_INT(count_scratch(), 0);
    return 0;
}

TEST(a_temporary_directory_is_deleted_with_all_that_is_in_it)
{
    eddy_temporary *temporary;
    char path[256], inner[300];
    CHECK_INT(eddy_temporary_directory_open(NULL, &temporary), 0);
    CHECK(!eddy_temporary_file(temporary));
    (void)snprintf(path, sizeof path, "%s", eddy_temporary_path(temporary));
    (void)snprintf(inner, sizeof inner, "%s/a/b", path);
    CHECK_INT(eddy_make_directories(inner, 0700), 0);
    (void)snprintf(inner, sizeof inner, "%s/a/b/file", path);
    CHECK_INT(file_make(inner, "x"), 0);
    CHECK_INT(eddy_temporary_close(temporary), 0);
    CHECK(!exists(path));
    return 0;
}

struct hold_temporary {
    const char *what;
};

/* Leaves by a cancel. */
static int hold_temporary(struct hold_temporary *a)
{
    eddy_temporary *temporary;
    int r = a->what[0] == 'f' ? eddy_temporary_file_open(scratch, 0600, &temporary)
                              : eddy_temporary_directory_open(scratch, &temporary);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, temporary);
    return eddy_sleep(10);
}

TEST(a_task_that_is_cancelled_leaves_none)
{
    int err;
    CHECK_INT(scratch_make(), 0);
    eddy_with_timeout (1, &err) {
        int inner;
        eddy_with_group (g, &inner) {
            eddy_spawn(g, hold_temporary, .what = "file");
            eddy_spawn(g, hold_temporary, .what = "directory");
        }
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(count_scratch(), 0);
    return 0;
}

static eddy_temporary *survivors[2];

static int open_survivors(void)
{
    int r = scratch_make();
    if (r == 0)
        r = eddy_temporary_file_open(scratch, 0600, &survivors[0]);
    if (r == 0)
        r = eddy_temporary_directory_open(scratch, &survivors[1]);
    return r;
}

REAL_PLAIN_TEST(they_can_be_closed_after_the_loop)
{
    EXPECT_INT(test_run(open_survivors), 0);
    for (int i = 0; i < 2; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s", eddy_temporary_path(survivors[i]));
        EXPECT_INT(access(path, F_OK), 0);
        EXPECT_INT(eddy_temporary_close(survivors[i]), 0);
        EXPECT(access(path, F_OK) < 0);
    }
}

TEST(one_that_is_kept_takes_its_place_in_one_step)
{
    eddy_temporary *temporary;
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(file_make(in_scratch("today"), "old"), 0);
    CHECK_INT(eddy_temporary_file_open(scratch, 0600, &temporary), 0);
    CHECK_INT(eddy_file_write(eddy_temporary_file(temporary), "new", 3), 3);
    CHECK(file_holds(in_scratch("today"), "old"));
    CHECK_INT(eddy_temporary_keep(temporary, in_scratch("nowhere/today")), -ENOENT);
    CHECK_INT(eddy_temporary_keep(temporary, in_scratch("today")), 0);
    CHECK(file_holds(in_scratch("today"), "new"));
    CHECK_INT(eddy_temporary_keep(temporary, in_scratch("today")), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "it was kept already");
    CHECK_INT(eddy_temporary_close(temporary), 0);
    CHECK_INT(count_scratch(), 1);
    return eddy_unlink(in_scratch("today"));
}

/* ---- whole files ---- */

TEST(a_file_is_replaced_whole_or_not_at_all)
{
    int err;
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(eddy_replace_file(in_scratch("config"), "one", 3, 0600), 0);
    CHECK(file_holds(in_scratch("config"), "one"));
    CHECK_INT(eddy_replace_file(in_scratch("config"), "two and more", 12, 0600), 0);
    CHECK(file_holds(in_scratch("config"), "two and more"));
    eddy_with_timeout (0, &err) {
        CHECK_INT(eddy_replace_file(in_scratch("config"), "three", 5, 0600), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK(file_holds(in_scratch("config"), "two and more"));
    CHECK_INT(eddy_replace_file(in_scratch("nowhere/config"), "x", 1, 0600), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "can't make a file beside '");
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "/nowhere/config': No such file");
    CHECK_INT(eddy_make_directory(in_scratch("folder"), 0700), 0);
    CHECK_INT(eddy_replace_file(in_scratch("folder"), "x", 1, 0600), -EISDIR);
    CHECK_INT(count_scratch(), 2);
    CHECK_INT(eddy_remove_directory(in_scratch("folder")), 0);
    return eddy_unlink(in_scratch("config"));
}

/* The file's size limit stands for a full disk. */
REAL_TEST(a_disk_that_is_full_leaves_the_old_file)
{
    struct rlimit limit, before;
    char *data = calloc(1, 100000);
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(eddy_replace_file(in_scratch("config"), "old", 3, 0600), 0);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 30000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int r = eddy_replace_file(in_scratch("config"), data, 100000, 0600);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    free(data);
    if (r != 0) { /* a ring's own threads know no limit of that kind */
        CHECK_INT(r, -EFBIG);
        CHECK(file_holds(in_scratch("config"), "old"));
    }
    CHECK_INT(count_scratch(), 1);
    return eddy_unlink(in_scratch("config"));
}

struct replace_again {
    const char *path;
    char letter;
};

static int replace_again(struct replace_again *a)
{
    char text[300];
    memset(text, a->letter, sizeof text);
    for (int i = 0; i < 10; i++) {
        int r = eddy_replace_file(a->path, text, sizeof text, 0600);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Readers find one letter, three hundred times: never a part, never a mixture. */
TEST(readers_find_a_whole_file_at_any_time)
{
    int err;
    char text[400];
    CHECK_INT(scratch_make(), 0);
    const char *path = in_scratch("shared");
    CHECK_INT(eddy_replace_file(path, "", 0, 0600), 0);
    eddy_with_group (g, &err) {
        for (char letter = 'a'; letter < 'e'; letter++)
            eddy_spawn(g, replace_again, .path = path, .letter = letter);
        for (int i = 0; i < 30; i++) {
            eddy_file *file;
            CHECK_INT(eddy_file_open(path, O_RDONLY, 0, &file), 0);
            ssize_t n = eddy_file_read(file, text, sizeof text);
            CHECK(n == 0 || n == 300);
            for (ssize_t k = 0; k < n; k++)
                EXPECT_INT(text[k], text[0]);
            CHECK_INT(eddy_file_close(file), 0);
        }
    }
    CHECK_INT(err, 0);
    CHECK_INT(count_scratch(), 1);
    return eddy_unlink(path);
}

/* ---- copies ---- */

static int check_copy(size_t size)
{
    char *data = malloc(size + 1), *back = malloc(size + 1);
    eddy_file *file;
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + i / 251);
    CHECK_INT(eddy_replace_file(in_scratch("from"), data, size, 0640), 0);
    CHECK_INT(eddy_copy_file(in_scratch("from"), in_scratch("to")), 0);
    CHECK_INT(eddy_file_open(in_scratch("to"), O_RDONLY, 0, &file), 0);
    CHECK_INT(eddy_file_read(file, back, size + 1), size);
    CHECK(memcmp(data, back, size) == 0);
    free(data);
    free(back);
    return eddy_file_close(file);
}

TEST(copies)
{
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(check_copy(0), 0);
    CHECK_INT(check_copy(1), 0);
    CHECK_INT(check_copy(300000), 0); /* over the smaller one */
    CHECK_INT(check_copy(5000), 0);
    CHECK_INT(eddy_unlink(in_scratch("from")), 0);
    CHECK_INT(eddy_unlink(in_scratch("to")), 0);
    CHECK_INT(count_scratch(), 0);
    return 0;
}

/* ---- holes ---- */

static int write_at(const char *path, uint64_t offset, const char *text)
{
    eddy_file *file;
    CHECK_INT(eddy_file_open(path, O_WRONLY | O_CREAT, 0600, &file), 0);
    CHECK_INT(eddy_file_pwrite(file, text, strlen(text), offset), strlen(text));
    return eddy_file_close(file);
}

static int cut_at(const char *path, uint64_t size)
{
    eddy_file *file;
    CHECK_INT(eddy_file_open(path, O_WRONLY | O_CREAT, 0600, &file), 0);
    CHECK_INT(eddy_file_truncate(file, size), 0);
    return eddy_file_close(file);
}

static bool holds_at(const char *path, uint64_t offset, const char *text)
{
    char back[32];
    eddy_file *file;
    if (!EXPECT_INT(eddy_file_open(path, O_RDONLY, 0, &file), 0))
        return false;
    EXPECT_INT(eddy_file_pread(file, back, strlen(text), offset), strlen(text));
    EXPECT_INT(eddy_file_close(file), 0);
    return memcmp(back, text, strlen(text)) == 0;
}

static bool is_zero_at(const char *path, uint64_t offset)
{
    static const char zeros[64];
    char back[64] = "x";
    eddy_file *file;
    if (!EXPECT_INT(eddy_file_open(path, O_RDONLY, 0, &file), 0))
        return false;
    EXPECT_INT(eddy_file_pread(file, back, sizeof back, offset), sizeof back);
    EXPECT_INT(eddy_file_close(file), 0);
    return memcmp(back, zeros, sizeof back) == 0;
}

/* Sizes, and that the copy takes as little place as the original. */
static int copied_with_holes(const char *from, const char *to)
{
    struct stat original, copy;
    CHECK_INT(eddy_copy_file(from, to), 0);
    CHECK_INT(eddy_path_status(from, &original, true), 0);
    CHECK_INT(eddy_path_status(to, &copy, true), 0);
    CHECK_INT(copy.st_size, original.st_size);
    if (original.st_blocks > 1024)
        printf("SKIP: this file system fills holes\n");
    else
        CHECK(copy.st_blocks <= 1024);
    return 0;
}

#define GIBIBYTE ((uint64_t)1 << 30)

REAL_TEST(a_hole_of_a_gibibyte_stays_one)
{
    CHECK_INT(scratch_make(), 0);
    const char *from = in_scratch("from"), *to = in_scratch("to");
    CHECK_INT(write_at(from, 0, "begin"), 0);
    CHECK_INT(write_at(from, GIBIBYTE - 3, "across"), 0);
    CHECK_INT(write_at(from, 3 * GIBIBYTE / 2, "between"), 0);
    CHECK_INT(cut_at(from, 2 * GIBIBYTE + 1), 0);
    CHECK_INT(copied_with_holes(from, to), 0);
    CHECK(holds_at(to, 0, "begin"));
    CHECK(holds_at(to, GIBIBYTE - 3, "across"));
    CHECK(holds_at(to, 3 * GIBIBYTE / 2, "between"));
    CHECK(is_zero_at(to, 8192));
    CHECK(is_zero_at(to, GIBIBYTE + 8192));
    CHECK(is_zero_at(to, 2 * GIBIBYTE - 63));
    CHECK_INT(eddy_unlink(from), 0);
    return eddy_unlink(to);
}

/* All of it, at the begin, at the end, none. */
TEST(copies_of_files_with_holes)
{
    CHECK_INT(scratch_make(), 0);
    const char *from = in_scratch("from"), *to = in_scratch("to");
    CHECK_INT(cut_at(from, 1000000), 0);
    CHECK_INT(copied_with_holes(from, to), 0);
    CHECK_INT(write_at(from, 600000, "middle"), 0);
    CHECK_INT(copied_with_holes(from, to), 0);
    CHECK(holds_at(to, 600000, "middle"));
    CHECK_INT(write_at(from, 1999995, "an end"), 0);
    CHECK_INT(copied_with_holes(from, to), 0);
    CHECK(holds_at(to, 600000, "middle"));
    CHECK(holds_at(to, 1999995, "an end"));
    CHECK_INT(eddy_unlink(from), 0);
    CHECK_INT(eddy_unlink(to), 0);
    CHECK_INT(count_scratch(), 0);
    return 0;
}

TEST(what_cannot_be_copied)
{
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(file_make(in_scratch("from"), "text"), 0);
    CHECK_INT(eddy_copy_file(in_scratch("nothing"), in_scratch("to")), -ENOENT);
    CHECK_INT(eddy_copy_file(in_scratch("from"), in_scratch("nowhere/to")), -ENOENT);
    CHECK_INT(eddy_copy_file(in_scratch("from"), in_scratch("from")), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "it is the same file");
    CHECK_INT(eddy_copy_file(in_scratch("from"), scratch), -EISDIR);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "it is a directory");
    CHECK_INT(eddy_copy_file(scratch, in_scratch("to")), -EISDIR);
    CHECK(file_holds(in_scratch("from"), "text"));
    CHECK_INT(count_scratch(), 1);
    return eddy_unlink(in_scratch("from"));
}

/* Where copy_file_range is no help, and sizes tell nothing. */
REAL_TEST(a_copy_from_another_file_system_that_says_it_is_empty)
{
    struct stat status;
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(eddy_copy_file("/proc/self/status", in_scratch("status")), 0);
    CHECK_INT(eddy_path_status(in_scratch("status"), &status, true), 0);
    CHECK(status.st_size > 100);
    CHECK_INT(eddy_copy_file("/proc/self/status", "/dev/null"), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "'/dev/null': it is no file");
    return eddy_unlink(in_scratch("status"));
}

/* ---- bad input ---- */

REAL_TEST(a_file_system_that_is_read_only)
{
    eddy_temporary *temporary;
    CHECK_INT(eddy_temporary_file_open("/proc", 0600, &temporary), -ENOENT);
    CHECK_INT(eddy_temporary_directory_open("/proc", &temporary), -ENOENT);
    CHECK_INT(eddy_temporary_file_open("/no/such/folder", 0600, &temporary), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "can't open '/no/such/folder/.eddy-");
    return 0;
}

TEST(bad_arguments_of_temporary_files_are_reported)
{
    CHECK_INT(eddy_temporary_file_open("/tmp", 0600, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_temporary_file_open: the temporary is NULL");
    CHECK_INT(eddy_temporary_directory_open("/tmp", NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_temporary_directory_open");
    CHECK_INT(eddy_temporary_keep(NULL, "/tmp/x"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_temporary_keep: the temporary is NULL");
    CHECK_INT(eddy_replace_file(NULL, "", 0, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_replace_file: the path is NULL");
    CHECK_INT(eddy_copy_file("/tmp", NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_copy_file");
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(eddy_replace_file(in_scratch("x"), NULL, 1, 0600), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the buffer is NULL");
    CHECK_INT(count_scratch(), 0);
    CHECK(!eddy_temporary_path(NULL) && !eddy_temporary_file(NULL));
    return 0;
}
