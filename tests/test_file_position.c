/* SPDX-License-Identifier: MIT */
/* Files: the position and who shares it, lines, cutting off, reading what is in memory, locks. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include "support/file_test.h"

static int open_text(const char *text, int flags, eddy_file **file)
{
    int r = scratch_make();
    if (r == 0)
        r = file_make(in_scratch("text"), text);
    return r < 0 ? r : eddy_file_open(in_scratch("text"), flags, 0, file);
}

/* ---- lines ---- */

TEST(lines_come_whole_and_the_last_one_as_it_is)
{
    eddy_file *file;
    char line[32];
    CHECK_INT(open_text("one\n\nthree\nend", O_RDONLY, &file), 0);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 4);
    CHECK_TEXT(line, "one\n");
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 1);
    CHECK_TEXT(line, "\n");
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 6);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 3);
    CHECK_TEXT(line, "end");
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 0);
    CHECK_TEXT(line, "");
    return eddy_file_close(file);
}

TEST(a_line_that_is_too_long_stays_for_a_larger_buffer)
{
    eddy_file *file;
    char line[32];
    CHECK_INT(open_text("a long line\nshort\n", O_RDONLY, &file), 0);
    CHECK_INT(eddy_file_read_line(file, line, 12), -EMSGSIZE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "has a line of more than 11 bytes");
    CHECK_INT(eddy_file_read_line(file, line, 13), 12);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 6);
    CHECK_TEXT(line, "short\n");
    return eddy_file_close(file);
}

/* Longer than any block, and one that ends with a block. */
TEST(lines_longer_than_a_block)
{
    enum { LONG = 40000 };
    char *text = malloc(LONG + 100), *line = malloc(LONG + 100);
    eddy_file *file;
    memset(text, 'x', LONG);
    memcpy(text + 16383, "\n", 1);
    memcpy(text + LONG, "\nlast\n", 7);
    CHECK_INT(open_text(text, O_RDONLY, &file), 0);
    CHECK_INT(eddy_file_read_line(file, line, LONG + 100), 16384);
    CHECK_INT(eddy_file_read_line(file, line, LONG + 100), LONG + 1 - 16384);
    CHECK(memcmp(line, text + 16384, LONG + 1 - 16384) == 0);
    CHECK_INT(eddy_file_read_line(file, line, LONG + 100), 5);
    CHECK_TEXT(line, "last\n");
    CHECK_INT(eddy_file_read_line(file, line, LONG + 100), 0);
    free(text);
    free(line);
    return eddy_file_close(file);
}

TEST(reads_seeks_and_writes_go_on_behind_the_last_line)
{
    eddy_file *file;
    char line[32];
    CHECK_INT(open_text("one\ntwo\nthree\n", O_RDWR, &file), 0);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 4);
    CHECK_INT(eddy_file_read(file, line, 2), 2);
    CHECK(memcmp(line, "tw", 2) == 0);
    CHECK_INT(eddy_file_seek(file, 0, SEEK_CUR), 6);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 2);
    CHECK_TEXT(line, "o\n");
    CHECK_INT(eddy_file_write(file, "T", 1), 1);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 5);
    CHECK_TEXT(line, "hree\n");
    CHECK_INT(eddy_file_seek(file, 4, SEEK_SET), 4);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 4);
    CHECK_TEXT(line, "two\n");
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 6);
    CHECK_TEXT(line, "Three\n");
    return eddy_file_close(file);
}

REAL_TEST(lines_of_a_pipe)
{
    eddy_file *file;
    char line[32];
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(mkfifo(in_scratch("fifo"), 0600), 0);
    CHECK_INT(eddy_file_open(in_scratch("fifo"), O_RDWR, 0, &file), 0);
    CHECK_INT(eddy_file_write(file, "one\ntwo\nthr", 11), 11);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 4);
    CHECK_INT(eddy_file_write(file, "ee\n", 3), 3); /* a writer takes nothing from a reader */
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 4);
    CHECK_INT(eddy_file_read_line(file, line, sizeof line), 6);
    CHECK_TEXT(line, "three\n");
    CHECK_INT(eddy_file_seek(file, 0, SEEK_SET), -ESPIPE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "is no file with a position");
    CHECK_INT(eddy_file_close(file), 0);
    return eddy_unlink(in_scratch("fifo"));
}

REAL_TEST(who_writes_to_a_pipe_that_nobody_reads_gets_an_error_and_no_signal)
{
    static const int ways[] = {O_WRONLY, O_WRONLY | O_APPEND};
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(mkfifo(in_scratch("fifo"), 0600), 0);
    for (size_t i = 0; i < 2; i++) {
        eddy_file *file;
        int reader = open(in_scratch("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        CHECK(reader >= 0);
        CHECK_INT(eddy_file_open(in_scratch("fifo"), ways[i], 0, &file), 0);
        CHECK_INT(eddy_file_write(file, "x", 1), 1);
        close(reader);
        CHECK_INT(eddy_file_write(file, "x", 1), -EPIPE);
        CHECK_INT(eddy_file_close(file), 0);
    }
    return eddy_unlink(in_scratch("fifo"));
}

static volatile sig_atomic_t exceeded;
static void count_exceeded(int number)
{
    (void)number;
    exceeded++;
}

/* Past the cache, since that is written from where the ring is entered on more file systems. */
REAL_TEST(who_writes_beyond_the_limit_of_sizes_gets_an_error_and_no_signal)
{
    enum { SIZE = 4096 };
    static _Alignas(SIZE) char block[SIZE];
    eddy_file *file;
    struct rlimit limit, before;
    CHECK_INT(scratch_make(), 0);
    int r = eddy_file_open(in_scratch("limited"), O_RDWR | O_CREAT | O_DIRECT, 0600, &file);
    if (r == -EINVAL)
        r = eddy_file_open(in_scratch("limited"), O_RDWR | O_CREAT, 0600, &file);
    CHECK_INT(r, 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(eddy_file_pwrite(file, block, SIZE, (uint64_t)i * SIZE), SIZE);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 2 * SIZE;
    exceeded = 0;
    void (*handler)(int) = signal(SIGXFSZ, count_exceeded);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ssize_t within = eddy_file_pwrite(file, block, SIZE, SIZE);
    ssize_t beyond = eddy_file_pwrite(file, block, SIZE, 2 * SIZE);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    CHECK_INT(within, SIZE);
    CHECK_INT(beyond, -EFBIG);
    CHECK_INT(exceeded, 0);
    return eddy_file_close(file);
}

/* ---- the position ---- */

TEST(seeking)
{
    eddy_file *file;
    char byte;
    CHECK_INT(open_text("0123456789", O_RDWR, &file), 0);
    CHECK_INT(eddy_file_seek(file, -3, SEEK_END), 7);
    CHECK_INT(eddy_file_read(file, &byte, 1), 1);
    CHECK_INT(byte, '7');
    CHECK_INT(eddy_file_seek(file, -2, SEEK_CUR), 6);
    CHECK_INT(eddy_file_seek(file, -1, SEEK_SET), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "before its beginning");
    CHECK_INT(eddy_file_seek(file, -11, SEEK_END), -EINVAL);
    CHECK_INT(eddy_file_seek(file, INT64_MAX, SEEK_END), -EINVAL);
    CHECK_INT(eddy_file_read(file, &byte, 1), 1);
    CHECK_INT(byte, '6'); /* what failed moved nothing */
    CHECK_INT(eddy_file_seek(file, 100, SEEK_SET), 100);
    CHECK_INT(eddy_file_read(file, &byte, 1), 0);
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_file_open(in_scratch("text"), O_RDWR | O_APPEND, 0, &file), 0);
    CHECK_INT(eddy_file_seek(file, 0, SEEK_SET), -ESPIPE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "was opened with O_APPEND");
    return eddy_file_close(file);
}

struct write_letters {
    eddy_file *file;
    char letter;
};

static int write_letters(struct write_letters *a)
{
    char text[100];
    memset(text, a->letter, sizeof text);
    return (int)eddy_file_write(a->file, text, sizeof text);
}

TEST(writes_of_several_tasks_come_one_after_the_other)
{
    eddy_file *file;
    char text[1001];
    int err;
    bool seen[10] = {false};
    CHECK_INT(open_text("", O_RDWR, &file), 0);
    eddy_with_group (g, &err) {
        for (int i = 0; i < 10; i++)
            eddy_spawn(g, write_letters, .file = file, .letter = (char)('a' + i));
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_file_pread(file, text, sizeof text, 0), 1000);
    for (int i = 0; i < 10; i++) {
        char letter = text[100 * i];
        CHECK(letter >= 'a' && letter < 'a' + 10 && !seen[letter - 'a']);
        seen[letter - 'a'] = true;
        for (int k = 0; k < 100; k++)
            CHECK_INT(text[100 * i + k], letter);
    }
    return eddy_file_close(file);
}

struct count_lines {
    eddy_file *file;
    int count;
};

static int count_lines(struct count_lines *a)
{
    char line[8];
    ssize_t n;
    int count = 0;
    for (; (n = eddy_file_read_line(a->file, line, sizeof line)) > 0; count++)
        EXPECT_INT(n, 4);
    return n < 0 ? (int)n : count;
}

TEST(several_tasks_read_lines_of_one_file)
{
    char text[4 * 300 + 1];
    eddy_file *file;
    int err, total = 0;
    eddy_task *tasks[3];
    for (int i = 0; i < 300; i++)
        (void)snprintf(text + 4 * i, 5, "%03d\n", i);
    CHECK_INT(open_text(text, O_RDONLY, &file), 0);
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            tasks[i] = eddy_spawn(g, count_lines, .file = file);
        for (int i = 0; i < 3; i++)
            total += eddy_await(tasks[i]);
    }
    CHECK_INT(err, 0);
    CHECK_INT(total, 300);
    return eddy_file_close(file);
}

/* ---- cutting off, status ---- */

TEST(truncating_and_the_status)
{
    eddy_file *file;
    struct stat status;
    char text[16];
    CHECK_INT(open_text("0123456789", O_RDWR, &file), 0);
    CHECK_INT(eddy_file_status(file, &status), 0);
    CHECK(S_ISREG(status.st_mode));
    CHECK_INT(status.st_size, 10);
    CHECK_INT(eddy_file_truncate(file, 4), 0);
    CHECK_INT(eddy_file_truncate(file, 8), 0);
    CHECK_INT(eddy_file_read(file, text, sizeof text), 8);
    CHECK(memcmp(text, "0123\0\0\0\0", 8) == 0);
    CHECK_INT(eddy_path_status(in_scratch("text"), &status, true), 0);
    CHECK_INT(status.st_size, 8);
    CHECK_INT(eddy_path_status(in_scratch("nothing"), &status, true), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "can't tell the status of '/");
    CHECK_INT(eddy_path_status(scratch, &status, false), 0);
    CHECK(S_ISDIR(status.st_mode));
    CHECK_INT(eddy_file_truncate(file, UINT64_MAX), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a size of");
    CHECK_INT(eddy_file_close(file), 0);
    CHECK_INT(eddy_file_open(in_scratch("text"), O_RDONLY, 0, &file), 0);
    CHECK_INT(eddy_file_truncate(file, 0), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "truncating '/");
    return eddy_file_close(file);
}

TEST(a_directory_is_removed_when_it_is_empty)
{
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(eddy_make_directory(in_scratch("folder"), 0700), 0);
    CHECK_INT(file_make(in_scratch("folder/file"), ""), 0);
    CHECK_INT(eddy_remove_directory(in_scratch("folder")), -ENOTEMPTY);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "Directory not empty");
    CHECK_INT(eddy_remove_directory(in_scratch("folder/file")), -ENOTDIR);
    CHECK_INT(eddy_unlink(in_scratch("folder/file")), 0);
    CHECK_INT(eddy_remove_directory(in_scratch("folder")), 0);
    CHECK_INT(eddy_remove_directory(in_scratch("folder")), -ENOENT);
    CHECK_INT(eddy_remove_directory(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_remove_directory");
    CHECK_INT(eddy_path_status("/", NULL, true), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the status is NULL");
    return 0;
}

/* ---- what is in memory ---- */

/* Reads by the hundred without a suspension would keep everybody else waiting. */
static bool stop_reading;

static void stop_later(void *argument)
{
    (void)argument;
    stop_reading = true;
}

REAL_TEST(reads_of_memory_let_others_run)
{
    eddy_file *file;
    char byte;
    int reads = 0;
    CHECK_INT(open_text("x", O_RDONLY, &file), 0);
    CHECK_INT(eddy_file_pread(file, &byte, 1, 0), 1);
    stop_reading = false;
    CHECK(eddy_call_soon(stop_later, NULL));
    for (; !stop_reading && reads < 1000; reads++)
        CHECK_INT(eddy_file_pread(file, &byte, 1, 0), 1);
    CHECK(reads < 100);
    return eddy_file_close(file);
}

TEST(a_short_read_tells_the_end_of_the_file)
{
    eddy_file *file;
    char text[32];
    CHECK_INT(open_text("0123456789", O_RDONLY, &file), 0);
    CHECK_INT(eddy_file_pread(file, text, sizeof text, 4), 6);
    CHECK_INT(eddy_file_pread(file, text, sizeof text, 10), 0);
    CHECK_INT(eddy_file_pread(file, text, sizeof text, 11), 0);
    CHECK_INT(eddy_file_read(file, text, sizeof text), 10);
    CHECK_INT(eddy_file_read(file, text, sizeof text), 0);
    return eddy_file_close(file);
}

/* ---- locks ---- */

struct lock_and_note {
    const char *name;
    double seconds;
};

static int lock_and_note(struct lock_and_note *a)
{
    eddy_file *file;
    int r = eddy_file_open(in_scratch("lock"), O_RDWR | O_CREAT, 0600, &file);
    if (r < 0)
        return r;
    r = eddy_file_lock(file, EDDY_FILE_EXCLUSIVE, true);
    if (r == 0) {
        note("+%s", a->name);
        r = eddy_sleep(a->seconds);
        note("-%s", a->name);
        int unlocked = eddy_file_unlock(file);
        r = r < 0 ? r : unlocked;
    }
    return eddy_file_close(file) < 0 ? -EIO : r;
}

ORDERED_TEST(a_lock_keeps_another_one_waiting)
{
    int err;
    CHECK_INT(scratch_make(), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, lock_and_note, .name = "a", .seconds = 1);
        CHECK_INT(eddy_sleep(0.5), 0);
        eddy_spawn(g, lock_and_note, .name = "b");
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("+a -a +b -b");
    return 0;
}

TEST(locks_shared_and_exclusive)
{
    eddy_file *a, *b;
    int err;
    CHECK_INT(open_text("", O_RDWR, &a), 0);
    CHECK_INT(eddy_file_open(in_scratch("text"), O_RDONLY, 0, &b), 0);
    CHECK_INT(eddy_file_lock(a, EDDY_FILE_SHARED, false), 0);
    CHECK_INT(eddy_file_lock(b, EDDY_FILE_SHARED, false), 0);
    CHECK_INT(eddy_file_lock(a, EDDY_FILE_EXCLUSIVE, false), -EWOULDBLOCK);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "is locked by another");
    eddy_with_timeout (0.3, &err) {
        CHECK_INT(eddy_file_lock(a, EDDY_FILE_EXCLUSIVE, true), -ECANCELED);
        CHECK_INT(eddy_file_unlock(b), 0); /* in a cancelled scope */
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_file_lock(a, EDDY_FILE_EXCLUSIVE, false), 0);
    CHECK_INT(eddy_file_lock(b, EDDY_FILE_SHARED, false), -EWOULDBLOCK);
    CHECK_INT(eddy_file_close(a), 0); /* unlocks */
    CHECK_INT(eddy_file_lock(b, EDDY_FILE_EXCLUSIVE, false), 0);
    CHECK_INT(eddy_file_lock(b, (enum eddy_file_lock_kind)7, false), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a lock of the kind 7");
    return eddy_file_close(b);
}

/* ---- bad input ---- */

TEST(bad_arguments_of_the_position_are_reported)
{
    eddy_file *file;
    char line[4];
    CHECK_INT(open_text("", O_RDONLY, &file), 0);
    CHECK_INT(eddy_file_read_line(file, line, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no room for a line in 1 bytes");
    CHECK_INT(eddy_file_read_line(NULL, line, 4), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_read_line: the file is NULL");
    CHECK_INT(eddy_file_read_line(file, NULL, 4), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the buffer is NULL");
    CHECK_INT(eddy_file_seek(file, 0, 17), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "but 17");
    CHECK_INT(eddy_file_seek(NULL, 0, SEEK_SET), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_seek: the file is NULL");
    CHECK_INT(eddy_file_status(file, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_status");
    CHECK_INT(eddy_file_lock(NULL, EDDY_FILE_SHARED, true), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_lock");
    CHECK_INT(eddy_file_unlock(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_unlock");
    return eddy_file_close(file);
}
