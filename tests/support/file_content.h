/* SPDX-License-Identifier: MIT */
/* A file of a text, on whichever disk the loop has: made, and compared. */
#ifndef EDDY_TESTS_SUPPORT_FILE_CONTENT_H
#define EDDY_TESTS_SUPPORT_FILE_CONTENT_H

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <eddy.h>

__attribute__((__unused__)) static int file_make(const char *path, const char *text)
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
__attribute__((__unused__)) static bool file_holds(const char *path, const char *text)
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
