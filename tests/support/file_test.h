/* SPDX-License-Identifier: MIT */
/*
 * What tests of files share: a folder of the test's own, on whichever disk there is, real or
 * simulated; gone, with all that is in it, when the program ends.
 */
#ifndef EDDY_TESTS_SUPPORT_FILE_TEST_H
#define EDDY_TESTS_SUPPORT_FILE_TEST_H

#include <fcntl.h>
#include <sys/stat.h>
#include "folder.h"
#include "test.h"

static char scratch[TEST_PATH];

TEST_HELPER void scratch_remove(void)
{
    test_remove_tree(scratch);
}

/* In a task: makes it, empty but for what an earlier run of the same test left when it was cut
 * off. */
TEST_HELPER int scratch_make(void)
{
    if (!scratch[0]) {
        (void)snprintf(scratch, sizeof scratch, "%s/eddy-test-files-%d", test_folder(),
                       (int)getpid());
        (void)atexit(scratch_remove);
    }
    return eddy_make_directories(scratch, 0700);
}

/* A path in it; good for the next eight. */
TEST_HELPER const char *in_scratch(const char *name)
{
    static char paths[8][512];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

TEST_HELPER int file_make(const char *path, const char *text)
{
    eddy_file *file;
    int r = eddy_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &file);
    if (r < 0)
        return r;
    ssize_t n = eddy_file_write(file, text, strlen(text));
    r = eddy_file_close(file);
    return n < 0 ? (int)n : r;
}

/* Whether the file holds just this. */
TEST_HELPER bool file_holds(const char *path, const char *text)
{
    eddy_file *file;
    char buffer[512];
    if (eddy_file_open(path, O_RDONLY, 0, &file) < 0)
        return false;
    ssize_t n = eddy_file_read(file, buffer, sizeof buffer);
    return eddy_file_close(file) == 0 && n == (ssize_t)strlen(text) &&
           memcmp(buffer, text, strlen(text)) == 0;
}

#endif
