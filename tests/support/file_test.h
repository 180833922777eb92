/* SPDX-License-Identifier: MIT */
/*
 * What tests of files share: a folder of the test's own, on whichever disk there is, real or
 * simulated; gone, with all that is in it, when the program ends.
 */
#ifndef EDDY_TESTS_SUPPORT_FILE_TEST_H
#define EDDY_TESTS_SUPPORT_FILE_TEST_H

#include <sys/stat.h>
#include "file_content.h"
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

#endif
