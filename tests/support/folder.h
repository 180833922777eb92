/* SPDX-License-Identifier: MIT */
/*
 * Where tests make what they need on disk. Whoever runs them gives them a folder of their own by
 * $TMPDIR, and deletes it with what tests have left that were cut off.
 */
#ifndef EDDY_TESTS_SUPPORT_FOLDER_H
#define EDDY_TESTS_SUPPORT_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Room for a name in it; a Unix socket's path has 107 bytes. */
enum { TEST_FOLDER_LONGEST = 60, TEST_PATH = 108 };

/* $TMPDIR unless that is too long, else /tmp; this is also what a simulated disk begins with. */
__attribute__((__unused__)) static const char *test_folder(void)
{
    const char *chosen = getenv("TMPDIR");
    return chosen && chosen[0] == '/' && strlen(chosen) <= TEST_FOLDER_LONGEST ? chosen : "/tmp";
}

/* Into `path`, of TEST_PATH bytes: this name in there; for mkdtemp, say. */
__attribute__((__unused__)) static char *test_path(char *path, const char *folder, const char *name)
{
    if (snprintf(path, TEST_PATH, "%s/%s", folder, name) >= TEST_PATH)
        abort();
    return path;
}

__attribute__((__unused__)) static int test_remove(const char *path, const struct stat *status,
                                                   int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

/* A folder with all that is in it. */
__attribute__((__unused__)) static void test_remove_tree(const char *path)
{
    (void)chmod(path, 0700);
    (void)nftw(path, test_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
