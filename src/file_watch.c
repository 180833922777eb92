/* SPDX-License-Identifier: MIT */
/*
 * Watching files: an inotify descriptor that is read as a stream, a block of events at a time.
 */
#include <errno.h>
#include <string.h>
#include "eddy/file_watch.h"
#include "eddy/stream.h"
#include "failure.h"
#include "log.h"
#include "memory.h"
#include "operation.h"
#include "task.h"

/* The kernel gives whole events only, and wants room for the largest one. */
enum { BLOCK_SIZE = 4096 };

struct eddy_file_watch {
    eddy_stream *stream;
    unsigned references; /* the owner's, and one a call under way */
    unsigned changing;   /* calls that the system holds the descriptor for */
    bool busy, closed;
    size_t begin, end;
    char block[BLOCK_SIZE] __attribute__((__aligned__(__alignof__(struct inotify_event))));
};

static void watch_release(struct eddy_file_watch *watch)
{
    if (--watch->references == 0)
        memory_free(watch);
}

/* Runs it on the descriptor, whose number isn't given back before that ended. */
static int watch_change(struct eddy_file_watch *watch, struct operation *operation,
                        int (*run)(struct operation *operation))
{
    operation->descriptor = eddy_stream_descriptor(watch->stream);
    watch->references++;
    watch->changing++;
    int r = run(operation);
    if (--watch->changing == 0 && watch->closed)
        eddy_stream_close(watch->stream);
    watch_release(watch);
    return r;
}

static int watch_check(const char *call, const void *watch, const void *what)
{
    if (!watch || !what)
        return log_misuse(-EINVAL, call, "the %s is NULL", watch ? "other argument" : "watch");
    return task_current() ? 0 : task_missing(call);
}

int eddy_file_watch_open(eddy_file_watch **ret_watch)
{
    int r = watch_check("eddy_file_watch_open", ret_watch, ret_watch);
    if (r < 0)
        return r;
    struct eddy_file_watch *watch = memory_allocate_zeroed(1, sizeof *watch);
    if (!watch)
        return eddy_fail(-ENOMEM, "no memory to watch files");
    struct operation operation = {.kind = OPERATION_NOTIFY};
    int descriptor = r = operation_run(&operation);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "files can't be watched: %s", strerror(-r));
    if (r >= 0 && (r = eddy_stream_from_descriptor(descriptor, &watch->stream)) < 0)
        (void)operation_close(descriptor);
    if (r < 0) {
        memory_free(watch);
        return r;
    }
    watch->references = 1;
    *ret_watch = watch;
    return 0;
}

int eddy_file_watch_add(eddy_file_watch *watch, const char *path, uint32_t mask)
{
    int r = watch_check("eddy_file_watch_add", watch, path);
    if (r < 0)
        return r;
    struct operation operation = {.kind = OPERATION_NOTIFY_ADD, .path = path, .flags = (int)mask};
    r = watch_change(watch, &operation, operation_run);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "'%s' can't be watched: %s%s", path, strerror(-r),
                  r == -ENOSPC ? ", by /proc/sys/fs/inotify/max_user_watches" : "");
    return r;
}

int eddy_file_watch_remove(eddy_file_watch *watch, int number)
{
    int r = watch_check("eddy_file_watch_remove", watch, watch);
    if (r < 0)
        return r;
    struct operation operation = {.kind = OPERATION_NOTIFY_REMOVE, .flags = number};
    r = watch_change(watch, &operation, operation_run_shielded);
    return r < 0
               ? eddy_fail(r, "%d is no number of a file that is watched: %s", number, strerror(-r))
               : 0;
}

/* The next event of the block. */
static void take(struct eddy_file_watch *watch, struct eddy_file_event *ret_event)
{
    const struct inotify_event *event = (void *)(watch->block + watch->begin);
    watch->begin += sizeof *event + event->len;
    *ret_event = (struct eddy_file_event){.number = event->wd,
                                          .mask = event->mask,
                                          .cookie = event->cookie,
                                          .name = event->len ? event->name : ""};
}

static int read_block(struct eddy_file_watch *watch)
{
    ssize_t n = eddy_stream_read(watch->stream, watch->block, BLOCK_SIZE);
    if (n <= 0)
        return n < 0 ? (int)n : -EIO;
    watch->begin = 0;
    watch->end = (size_t)n;
    return 0;
}

int eddy_file_watch_next(eddy_file_watch *watch, struct eddy_file_event *ret_event)
{
    int r = watch_check("eddy_file_watch_next", watch, ret_event);
    if (r < 0)
        return r;
    if (watch->busy)
        return eddy_fail(-EBUSY, "another task waits for an event of these files");
    watch->busy = true;
    watch->references++;
    if (watch->begin == watch->end)
        r = read_block(watch);
    if (r == 0 && watch->closed) /* the name would go with it */
        r = eddy_fail(-ECONNABORTED, "the watch of files was closed by another task");
    if (r == 0)
        take(watch, ret_event);
    watch->busy = false;
    watch_release(watch);
    return r;
}

void eddy_file_watch_close(eddy_file_watch *watch)
{
    if (!watch)
        return;
    watch->closed = true;
    if (!watch->changing)
        eddy_stream_close(watch->stream);
    watch_release(watch);
}
