/* SPDX-License-Identifier: MIT */
/*
 * How many names a directory holds; 0 also if it can't be opened. In /proc/self/task a thread each,
 * in /proc/self/fd a descriptor, with the one by which it is counted.
 */
#ifndef EDDY_TESTS_SUPPORT_ENTRIES_H
#define EDDY_TESTS_SUPPORT_ENTRIES_H

#include <dirent.h>
#include <stddef.h>

__attribute__((__unused__)) static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    if (directory)
        (void)closedir(directory);
    return count;
}

#endif
