/* SPDX-License-Identifier: MIT */
/* A path for the servers of a test on Unix sockets, what is there, and a server that echoes. */
#ifndef EDDY_TESTS_SERVER_PATH_H
#define EDDY_TESTS_SERVER_PATH_H

#include <fcntl.h>
#include <sys/stat.h>
#include "loop.h"
#include "support/echo_lines.h"
#include "support/folder.h"
#include "support/test.h"

#define CALL(name, ...) loop_self->engine->call->name(loop_self->engine, __VA_ARGS__)

/* A folder of this test's own, and a path in it. */
static char folder[TEST_PATH - 8], path[TEST_PATH];

TEST_HELPER int make_path(void)
{
    (void)snprintf(folder, sizeof folder, "%s/eddy-server-%d",
                   loop_self && loop_self->engine->call->simulated ? "/tmp" : test_folder(),
                   (int)getpid());
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    if (loop_self)
        return eddy_make_directory(folder, 0700);
    return mkdir(folder, 0700) < 0 ? -errno : 0;
}

TEST_HELPER int remove_name(void)
{
    return CALL(path_remove, path);
}

TEST_HELPER void remove_path(void)
{
    (void)remove_name();
    EXPECT_INT(eddy_remove_directory(folder), 0);
}

TEST_HELPER bool exists(void)
{
    struct stat status;
    return CALL(path_status, path, &status) == 0;
}

/* A file where the socket was, or should be. */
TEST_HELPER int make_file(void)
{
    eddy_file *file;
    int r = eddy_file_open(path, O_CREAT | O_WRONLY, 0600, &file);
    return r < 0 ? r : eddy_file_close(file);
}

/* Whether somebody echoes there. */
TEST_HELPER bool echoes(const char *name)
{
    char line[16];
    eddy_stream *stream;
    if (!EXPECT_INT(eddy_connect_unix(name, &stream), 0))
        return false;
    bool same = EXPECT_INT(eddy_stream_write(stream, "hello\n", 6), 6) &&
                EXPECT_INT(eddy_stream_read_line(stream, line, sizeof line), 6) &&
                EXPECT_TEXT(line, "hello\n");
    eddy_stream_close(stream);
    return same;
}

/* NULL: it couldn't. */
TEST_HELPER eddy_server *serve(const struct eddy_serve_options *options)
{
    eddy_server *server = NULL;
    EXPECT_INT(eddy_serve_unix(path, echo_lines, NULL, options, &server), 0);
    return server;
}

#endif
