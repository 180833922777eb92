/* SPDX-License-Identifier: MIT */
/*
 * `tail -F`: follows a log file by its name, through truncation and rotation.
 *
 *     log_follower FILE        until Ctrl-C
 *
 * What is watched is the directory: so it hears of writes to the file, and of another file that
 * takes its name (which is then read from its beginning, after the rest of the old one). A file
 * that has become shorter than what was read was cut off, and begins anew. Called without arguments
 * it follows a log that it writes, cuts off and rotates by itself.
 */
#include <stdio.h>
#include <string.h>
#include <eddy.h>
#include "command_line.h"

struct log_follower {
    const char *directory, *name;
    int (*take)(void *context, const char *line);
    void *context;
    eddy_file *file; /* NULL: there is none of that name */
    ino_t number;
};

static EDDY_ASYNC int read_lines(struct log_follower *log)
{
    char line[4096];
    struct stat status;
    ssize_t n = eddy_file_status(log->file, &status);
    int64_t place = n < 0 ? n : eddy_file_seek(log->file, 0, SEEK_CUR);
    if (place >= 0 && status.st_size < place)
        place = eddy_file_seek(log->file, 0, SEEK_SET);
    if (place < 0)
        return (int)place;
    while ((n = eddy_file_read_line(log->file, line, sizeof line)) > 0) {
        if (line[n - 1] != '\n') { /* the rest of it is still to be written */
            place = eddy_file_seek(log->file, -n, SEEK_CUR);
            return place < 0 ? (int)place : 0;
        }
        int r = log->take(log->context, line);
        if (r < 0)
            return r;
    }
    return (int)n;
}

/* Makes sure that the open file is the one of that name, once the old one was read to its end: 1 if
 * it was opened just now. */
static EDDY_ASYNC int open_current(struct log_follower *log)
{
    char path[4096];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", log->directory, log->name);
    int r = eddy_path_status(path, &status, true);
    if (r == -ENOENT || (r == 0 && log->file && status.st_ino == log->number))
        return 0;
    if (r < 0)
        return r;
    eddy_file *file;
    r = eddy_file_open(path, O_RDONLY, 0, &file);
    if (r < 0)
        return r == -ENOENT ? 0 : r; /* between the two looks */
    r = log->file ? read_lines(log) : 0;
    if (r == 0)
        r = eddy_file_status(file, &status);
    if (r < 0) {
        eddy_file_close(file);
        return r;
    }
    eddy_file_close(log->file);
    log->file = file;
    log->number = status.st_ino;
    return 1;
}

static EDDY_ASYNC int catch_up(struct log_follower *log)
{
    int r = 0, opened;
    do {
        if (log->file && (r = read_lines(log)) < 0)
            return r;
        opened = open_current(log);
    } while (opened > 0);
    return opened;
}

static EDDY_ASYNC int follow(struct log_follower *log)
{
    eddy_file_watch *watch;
    struct eddy_file_event event;
    int r = eddy_file_watch_open(&watch);
    if (r < 0)
        return r;
    eddy_defer(eddy_file_watch_close, watch);
    r = eddy_file_watch_add(watch, log->directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    while (r >= 0 && (r = catch_up(log)) >= 0)
        do /* of others in the directory nothing is to be read */
            r = eddy_file_watch_next(watch, &event);
        while (r == 0 && strcmp(event.name, log->name) != 0 && !(event.mask & IN_Q_OVERFLOW));
    eddy_file_close(log->file);
    return r;
}

static int print_line(void *context, const char *line)
{
    (void)context;
    return fputs(line, stdout) < 0 ? -EIO : 0;
}

/* ---- the demonstration ---- */

struct demonstration {
    char path[160], old[160];
    eddy_queue seen; /* of int: that a line was taken */
};

static int take_line(void *context, const char *line)
{
    struct demonstration *demonstration = context;
    printf("took %s", line);
    int one = 1;
    return eddy_queue_put_nowait(&demonstration->seen, &one);
}

/* Appends, and waits until `lines` lines were taken. */
static EDDY_ASYNC int append(struct demonstration *a, int flags, const char *text, int lines)
{
    eddy_file *file;
    int one, r = eddy_file_open(a->path, O_WRONLY | O_CREAT | flags, 0600, &file);
    if (r < 0)
        return r;
    ssize_t n = eddy_file_write(file, text, strlen(text));
    r = eddy_file_close(file);
    for (int i = 0; n >= 0 && r == 0 && i < lines; i++)
        r = eddy_queue_get(&a->seen, &one);
    return n < 0 ? (int)n : r;
}

static EDDY_ASYNC int write_log(struct demonstration *a)
{
    int r = append(a, O_APPEND, "one\ntwo\nthr", 2);
    if (r == 0)
        r = append(a, O_APPEND, "ee\n", 1);
    if (r == 0)
        r = append(a, O_TRUNC, "four\n", 1); /* cut off */
    if (r == 0)
        r = append(a, O_APPEND, "five\n", 0);
    if (r == 0)
        r = eddy_rename(a->path, a->old); /* rotated, with a line that nobody has read yet */
    return r < 0 ? r : append(a, O_APPEND, "six\n", 2);
}

static EDDY_ASYNC int demonstrate(void)
{
    eddy_temporary *folder;
    struct demonstration demonstration;
    int err = eddy_temporary_directory_open(NULL, &folder);
    if (err < 0)
        return err;
    eddy_defer(eddy_temporary_close, folder);
    const char *directory = eddy_temporary_path(folder);
    snprintf(demonstration.path, sizeof demonstration.path, "%s/log", directory);
    snprintf(demonstration.old, sizeof demonstration.old, "%s/log.1", directory);
    if ((err = eddy_queue_open(&demonstration.seen, sizeof(int), 100)) < 0)
        return err;
    eddy_with_group (group, &err) {
        eddy_spawn_as(group, follow, struct log_follower, .directory = directory, .name = "log",
                      .take = take_line, .context = &demonstration);
        err = write_log(&demonstration);
        eddy_group_cancel(group);
    }
    eddy_queue_close(&demonstration.seen);
    return err;
}

struct main_task {
    const char *path;
};

static EDDY_ASYNC int main_task(struct main_task *a)
{
    char directory[4096];
    if (!a->path)
        return demonstrate();
    const char *slash = strrchr(a->path, '/');
    snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - a->path) + 1 : 1,
             slash ? a->path : ".");
    struct log_follower log = {
        .directory = directory, .name = slash ? slash + 1 : a->path, .take = print_line};
    return follow(&log);
}

static const char usage[] = "usage: log_follower [FILE]\n"
                            "Prints what is written to it, until Ctrl-C; else shows itself.\n";

int main(int argc, char **argv)
{
    int r;
    if (says_usage(usage, argc, argv, argc <= 2, &r))
        return r;
    setvbuf(stdout, NULL, _IOLBF, 0);
    return eddy_run(main_task, .path = argc > 1 ? argv[1] : NULL) < 0;
}
