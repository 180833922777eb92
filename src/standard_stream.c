/* SPDX-License-Identifier: MIT */
/*
 * Standard streams. Whether a descriptor blocks is a property of what was opened, which other
 * processes share (the shell, say), and to make it non-blocking breaks those that don't expect it.
 * So:
 *
 *      pipe, terminal     opened once more by its name in /proc: that one is ours alone
 *      socket             asked not to wait with each call (MSG_DONTWAIT)
 *      file, /dev/null    can't be waited for: a layer over operations (operation.c), which block
 *                         elsewhere
 */
#include "eddy/standard_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "eddy/stream_layer.h"
#include "log.h"
#include "memory.h"
#include "operation.h"
#include "stream.h"

static const char *const names[] = {"the standard input", "the standard output",
                                    "the standard error output"};

/* ---- files: a layer over operations ---- */

struct file_layer {
    int descriptor;
    bool has_position; /* which is shared with other processes */
    bool appends;
    const char *name;
};

static ssize_t file_layer_run(const struct file_layer *file, struct operation *operation)
{
    ssize_t n = operation_run(operation);
    if (n >= 0 || n == -ECANCELED)
        return n;
    return eddy_fail((int)n, "%s %s failed: %s",
                     operation->kind == OPERATION_READ ? "reading from" : "writing to", file->name,
                     strerror((int)-n));
}

static ssize_t file_layer_read(void *context, void *buffer, size_t size)
{
    const struct file_layer *file = context;
    struct operation operation = {.kind = OPERATION_READ,
                                  .descriptor = file->descriptor,
                                  .buffer = buffer,
                                  .size = size,
                                  .offset = -1,
                                  .by_call = file->has_position};
    return file_layer_run(file, &operation);
}

static ssize_t file_layer_write(void *context, const void *data, size_t size)
{
    const struct file_layer *file = context;
    struct operation operation = {.kind = OPERATION_WRITE,
                                  .descriptor = file->descriptor,
                                  .buffer = (void *)(uintptr_t)data,
                                  .size = size,
                                  .offset = -1,
                                  .by_call = file->has_position && !file->appends};
    return file_layer_run(file, &operation);
}

/* The descriptor is closed with the last call that uses it. */
static void file_layer_close(void *context)
{
    (void)context;
}

static void file_layer_release(void *context)
{
    struct file_layer *file = context;
    (void)operation_close(file->descriptor);
    memory_free(file);
}

static const struct eddy_stream_layer file_layer = {.read = file_layer_read,
                                                    .write = file_layer_write,
                                                    .close = file_layer_close,
                                                    .release = file_layer_release};

static int from_file(int descriptor, const struct stat *status, const char *name,
                     eddy_stream **ret_stream)
{
    struct file_layer *file = memory_allocate(sizeof *file);
    if (!file)
        return eddy_fail(-ENOMEM, "no memory for a stream");
    int flags = fcntl(descriptor, F_GETFL);
    *file = (struct file_layer){.descriptor = descriptor,
                                .has_position = S_ISREG(status->st_mode) ||
                                                S_ISBLK(status->st_mode),
                                .appends = flags >= 0 && flags & O_APPEND,
                                .name = name};
    int r = eddy_stream_from_layer(&file_layer, file, ret_stream);
    if (r < 0)
        memory_free(file);
    return r;
}

/* ---- what stands behind a descriptor ---- */

static void ignore_ready(struct watch *watch, unsigned what)
{
    (void)watch;
    (void)what;
}

/* 1, 0, or why that can't be told. */
static int can_be_watched(int descriptor)
{
    struct engine *engine = loop_self->engine;
    struct watch watch = {
        .descriptor = descriptor, .wanted = READY_READ | READY_WRITE, .ready = ignore_ready};
    int r = engine->call->watch(engine, &watch);
    if (r == 0)
        engine->call->unwatch(engine, &watch);
    return r == -EPERM ? 0 : r < 0 ? r : 1;
}

/* Whether its name stands for what was opened: a pipe, a terminal. Each time that the name of a
 * terminal's master is opened, or a device's such as /dev/net/tun, another one is made. */
static bool opens_anew(int number, const struct stat *status)
{
    unsigned terminal;
    return S_ISFIFO(status->st_mode) || (isatty(number) && ioctl(number, TIOCGPTN, &terminal) < 0);
}

/* A descriptor of our own: opened anew, so that its flags are ours alone, or else a copy. */
static int own_descriptor(int number, const struct stat *status)
{
    int flags = fcntl(number, F_GETFL);
    if (flags >= 0 && opens_anew(number, status)) {
        char path[32];
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", number);
        int opened = open(path,
                          (flags & (O_ACCMODE | O_APPEND)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (opened >= 0)
            return opened;
    }
    int copied = fcntl(number, F_DUPFD_CLOEXEC, 3);
    return copied < 0 ? -errno : copied;
}

static int from_watched(int descriptor, const char *name, eddy_stream **ret_stream)
{
    int r = eddy_stream_from_descriptor(descriptor, ret_stream);
    if (r == 0)
        (*ret_stream)->label = name;
    return r;
}

static int make(const char *call, int number, eddy_stream **ret_stream)
{
    struct stat status;
    if (!loop_self || !ret_stream)
        return log_misuse(-EINVAL, call,
                          loop_self ? "nowhere to put the stream: NULL" : "called outside a loop");
    if (loop_self->engine->call->simulated)
        return eddy_fail(-ENOTSUP, "%s: the simulated system has none", names[number]);
    int flags = fcntl(number, F_GETFL);
    if (flags < 0 || flags & O_PATH || fstat(number, &status) < 0) /* O_PATH: see engine.c */
        return eddy_fail(-EBADF, "%s: %s", names[number], strerror(EBADF));
    int descriptor = own_descriptor(number, &status), r = descriptor;
    if (r >= 0) /* those of /proc and /sys can be, too, and are files all the same */
        r = S_ISREG(status.st_mode) ? 0 : can_be_watched(descriptor);
    if (r < 0)
        (void)eddy_fail(r, "%s: %s", names[number], strerror(-r));
    else if (r > 0)
        r = from_watched(descriptor, names[number], ret_stream);
    else
        r = from_file(descriptor, &status, names[number], ret_stream);
    if (r < 0 && descriptor >= 0)
        (void)operation_close(descriptor);
    return r;
}

/* ---- public ---- */

int eddy_standard_input(eddy_stream **stream)
{
    return make("eddy_standard_input", STDIN_FILENO, stream);
}

int eddy_standard_output(eddy_stream **stream)
{
    return make("eddy_standard_output", STDOUT_FILENO, stream);
}

int eddy_standard_error(eddy_stream **stream)
{
    return make("eddy_standard_error", STDERR_FILENO, stream);
}
