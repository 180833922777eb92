/* SPDX-License-Identifier: MIT */
/*
 * Small programs that together use the whole runtime: those of files. See scenarios_task.h.
 */
#ifndef EDDY_TESTS_SUPPORT_SCENARIOS_FILE_H
#define EDDY_TESTS_SUPPORT_SCENARIOS_FILE_H

#include <fcntl.h>
#include "folder.h"
#include "scenarios_stream.h"

/* ---- files ---- */

static char file_folder[TEST_PATH];

TEST_HELPER void file_folder_remove(void)
{
    test_remove_tree(file_folder);
}

/* Removed at the end of the program. */
TEST_HELPER const char *file_folder_name(void)
{
    if (!file_folder[0]) {
        (void)snprintf(file_folder, sizeof file_folder, "%s/eddy-scenario-%d", test_folder(),
                       (int)getpid());
        (void)atexit(file_folder_remove);
    }
    return file_folder;
}

TEST_HELPER int file_write_and_read(const char *path)
{
    eddy_file *file;
    char text[32] = "";
    ssize_t r = eddy_file_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600, &file);
    if (r < 0)
        return (int)r;
    r = eddy_file_write(file, "hello, file", 11);
    if (r >= 0)
        r = eddy_file_pwrite(file, "H", 1, 0);
    if (r >= 0)
        r = eddy_file_sync(file);
    for (size_t have = 0; r >= 0 && have < 11; have += (size_t)r)
        if ((r = eddy_file_pread(file, text + have, 11 - have, have)) == 0)
            r = -ENODATA;
    if (r >= 0 && strcmp(text, "Hello, file") != 0)
        wrong("a file has '%s'", text);
    if (r >= 0)
        r = eddy_file_read(file, text, sizeof text); /* at its end */
    if (r > 0)
        wrong("%zd bytes behind the end of a file", r);
    return first_of((int)r, eddy_file_close(file));
}

TEST_HELPER int scenario_file(void)
{
    char folder[TEST_PATH + 8], path[TEST_PATH + 16], other[TEST_PATH + 16];
    (void)snprintf(folder, sizeof folder, "%s/a/b", file_folder_name());
    (void)snprintf(path, sizeof path, "%s/file", folder);
    (void)snprintf(other, sizeof other, "%s/other", folder);
    int r = eddy_make_directories(folder, 0700);
    if (r == 0)
        r = file_write_and_read(path);
    if (r == 0)
        r = eddy_rename(path, other);
    if (r == 0)
        r = eddy_unlink(other);
    return r;
}

/* As much of a file as there is behind an offset, over a socket. */
enum { SENT_FROM = 1000, SENT = 5000 };

TEST_HELPER int send_a_file(eddy_stream *stream, void *file)
{
    ssize_t n = eddy_sendfile(stream, file, SENT_FROM, SIZE_MAX);
    if (n >= 0 && n != SENT)
        wrong("of a file %zd bytes were sent", n);
    return n < 0 ? (int)n : 0;
}

TEST_HELPER int receive_a_file(eddy_stream *stream)
{
    char bytes[SENT];
    ssize_t r = eddy_stream_read_exactly(stream, bytes, sizeof bytes);
    for (size_t i = 0; r > 0 && i < SENT; i++)
        if (bytes[i] != flood_byte(SENT_FROM + i)) {
            wrong("byte %zu of a file arrived wrong", i);
            r = -EPROTO;
        }
    return r < 0 ? (int)r : 0;
}

TEST_HELPER int scenario_sendfile(void)
{
    char path[TEST_PATH + 8], bytes[SENT_FROM + SENT];
    eddy_file *file;
    (void)snprintf(path, sizeof path, "%s/sent", file_folder_name());
    ssize_t r = eddy_make_directories(file_folder, 0700);
    if (r == 0)
        r = eddy_file_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600, &file);
    if (r < 0)
        return (int)r;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = flood_byte(i);
    r = eddy_file_write(file, bytes, sizeof bytes);
    if (r >= 0)
        r = serve_one(send_a_file, file, receive_a_file);
    r = first_of((int)r, eddy_file_close(file));
    eddy_with_shield (EDDY_FOREVER) {
        r = first_of((int)r, eddy_unlink(path));
    }
    return (int)r;
}

#endif
